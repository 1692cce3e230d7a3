"""Alarms in the stack's graph, and whether one can go off in time."""

from collections.abc import Iterator

from eda_policies.graph import Graph, seen
from eda_policies.resource import Property, Resource, View
from eda_policies.values import UNKNOWN

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
LONGEST_SECONDS = 3600
"""How long an alarm may look before it goes off."""
_NEVER = ("Minimum", "SampleCount")
"""Statistics that do not tell of one message or record among none."""


class Alarm(Resource):
    """A metric alarm."""

    @property
    def measure(self) -> View:
        """Where metric, statistic and period are: in the alarm, or in the query that has a metric."""
        if self.text("metricName").given:
            return self
        return next((query for query in self.each("metricQueries") if query.anything("metric").given), self)

    def reads(self, name: str, inner: str) -> Property[str]:
        """A text of its measure, which has another name in a query."""
        measure = self.measure
        return measure.text(name) if measure is self else measure.text(f"metric.{inner}")

    @property
    def metric(self) -> Property[str]:
        """What it watches."""
        return self.reads("metricName", "metricName")

    @property
    def acts(self) -> bool:
        """Whether it tells anybody."""
        actions = self.items("alarmActions")
        known = any(action is UNKNOWN or str(action).startswith("arn:") for action in actions.value or ())
        return (actions.unknown or known) and self.flag("actionsEnabled", True).value is not False

    def deaf(self, namespace: str) -> str:
        """Why it does not go off within an hour of one observation, whatever its threshold is; empty when it does.

        Args:
            namespace: that of the metric.
        """
        where = self.reads("namespace", "namespace")
        if where.value is not None and where.value != namespace:
            return f"its namespace is {where.shown}, where the metric is not"
        statistic = self.reads("statistic", "stat")
        percentile = self.text("extendedStatistic")
        if statistic.value in _NEVER or (percentile.value is not None and percentile.value != "p100"):
            shown = statistic.shown if statistic.value in _NEVER else percentile.shown
            return f"its statistic {shown} does not show a single one"
        measure = self.measure
        period = measure.number("period" if measure is self else "metric.period", 60)
        points = self.number("datapointsToAlarm", self.number("evaluationPeriods", 1).value)
        seconds = (period.value or 0) * (points.value or 0)
        return f"it looks for {seconds:g} s before it goes off" if seconds > LONGEST_SECONDS else ""


def alarms(graph: Graph, resource: Resource, *metrics: str) -> Iterator[Alarm]:
    """The alarms on metrics of a resource; on any metric when none is named."""
    for alarm, name in graph.naming(resource, ALARM):
        if name in ("dimensions", "metricQueries"):
            found = seen(Alarm, alarm)
            if not metrics or found.metric.value in metrics:
                yield found
