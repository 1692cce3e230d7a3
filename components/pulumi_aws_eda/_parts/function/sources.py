"""What hands a function its events: checked together before anything is made, then made so that nothing is lost.

Whatever pushes events (a topic, a rule, a schedule) does so into a queue of the function's own: there they wait however
long the function cannot take them, a batch fails in part, and what fails for good lies in one dead-letter queue in the
form in which it goes back (``docs/decisions/0025-what-pushes-goes-through-a-queue.md``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts import queues, triggers
from pulumi_aws_eda._parts.args import ArgumentError
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function import event_source, object_source, stream_source, topic_source
from pulumi_aws_eda._parts.function import patterns as event_patterns
from pulumi_aws_eda._parts.function import schedule as schedule_source
from pulumi_aws_eda._parts.function.queue_delivery import SourceQueue, check_concurrency, mappings
from pulumi_aws_eda._parts.function.queue_source import LONGEST_RETENTION, check_queue
from pulumi_aws_eda._parts.function.stream_source import FunctionKinesisSourceArgs, StreamSourceArgs, check_stream

_CHECKS: Mapping[str, Callable[[str, Any], None]] = {
    "queue_source": check_queue,
    "topic_source": topic_source.check_topic,
    "event_source": event_source.check_events,
    "object_source": object_source.check_objects,
    "schedule": schedule_source.check_schedule,
    "stream_source": partial(check_stream, kind=StreamSourceArgs),
    "kinesis_source": partial(check_stream, kind=FunctionKinesisSourceArgs),
}
_STREAMS = ("stream_source", "kinesis_source")
_RULES = {"event_source": "event", "object_source": "object"}
_OWN_QUEUES = {"queue_source": "source", "topic_source": "topic", **_RULES, "schedule": "schedule"}
"""Sources with a queue, and the suffix of its logical name."""
NAMES = tuple(_CHECKS)
"""The arguments that are sources."""


def given_sources(args: Mapping[str, Any]) -> dict[str, Any]:
    """The sources that a function has, by their arguments' names."""
    return {name: args[name] for name in NAMES if args.get(name) is not None}


def check_sources(component: str, args: Mapping[str, Any]) -> None:
    """Check a function's sources, each and together.

    Args:
        component: its type and name, for messages.
        args: the function's arguments.

    Raises:
        ArgumentError: a member is unknown, missing or out of bounds, or a source does not go with something else.
    """
    given = given_sources(args)
    for name, source in given.items():
        _CHECKS[name](f"{component}, {name}", source)
    queued = {name: source for name, source in given.items() if name in _OWN_QUEUES}
    check_concurrency(component, queued, args.get("reserved_concurrent_executions"))
    ordered = [name for name in queued if is_fifo(args, name)]
    others = [name for name in given if name not in ordered and not _exists(args, name)]
    if args.get("asynchronous"):
        others.append("asynchronous")
    if ordered and others:
        problem = f"is FIFO, and the dead-letter queue of {others[0]!r} is not; use one function for each"
        raise ArgumentError(component, ordered[0], problem)
    if "dead_letter_queue_arn" in args:
        if not needs_failures(args):
            problem = "is given, but the function is neither asynchronous nor has it a source that needs one"
            raise ArgumentError(component, "dead_letter_queue_arn", problem)
        for name in ("topic_source", *_RULES):
            if name in given:
                problem = f"does not go with {name!r}: the component's own queue has the policy that lets it send"
                raise ArgumentError(component, "dead_letter_queue_arn", problem)


def is_fifo(args: Mapping[str, Any], name: str) -> bool:
    """Whether a source has a FIFO queue of the function's own."""
    return bool((args.get(name) or {}).get("fifo", False))


def _exists(args: Mapping[str, Any], name: str) -> bool:
    return name == "queue_source" and "queue_arn" in args[name]


def needs_failures(args: Mapping[str, Any]) -> bool:
    """Whether a function needs a queue for what failed; a queue that exists has its own."""
    return bool(args.get("asynchronous")) or any(not _exists(args, name) for name in given_sources(args))


def comes_again(args: Mapping[str, Any], longest_timeout: int) -> int:
    """Seconds within which a source may hand over an event again; 0 without a source.

    Args:
        args: the function's arguments.
        longest_timeout: seconds, where the function's time-out is not known yet.
    """

    def known(given: Mapping[str, Any], name: str, default: int, longest: int) -> int:
        value = given.get(name, default)
        # An output is not known yet, and what is not allowed is refused elsewhere.
        return int(value) if isinstance(value, int | float) else longest

    found = [0]
    for name, source in given_sources(args).items():
        if name in _STREAMS:
            found.append(known(source, "maximum_record_age_in_seconds", 3600, 604_800))
            continue
        tries = known(source, "max_receive_count", 5, 1000) * 6 * known(args, "timeout", 10, longest_timeout)
        match name:
            case "queue_source":
                found.append(LONGEST_RETENTION if "queue_arn" in source else tries)
            case "topic_source":
                found.append(topic_source.LONGEST_DELIVERY + tries)
            case _:
                age = event_source.LONGEST_AGE
                found.append(known(source, "maximum_event_age_in_seconds", age, age) + tries)
    return max(found)


@dataclass
class Sources:
    """The sources of one function, as they are made.

    Args:
        common: the component.
        component: its type and name, for messages.
        args: the function's arguments, checked.
    """

    common: Common
    component: str
    args: Mapping[str, Any]
    _rules: dict[str, aws.cloudwatch.EventRule] = field(default_factory=dict, init=False)
    _queues: list[SourceQueue] = field(default_factory=list, init=False)
    _policies: dict[str, pulumi.Resource] = field(default_factory=dict, init=False)

    def dead_letter_queue(self) -> aws.sqs.Queue:
        """The function's queue for what failed; whoever pushes events may send to it. Makes the rules."""
        for name, suffix in _RULES.items():
            if self.args.get(name) is not None:
                self._rules[name] = self._rule(name, suffix)
        return queues.dead_letter_queue(
            self.common,
            fifo=any(is_fifo(self.args, name) for name in _OWN_QUEUES),
            rule_arns=[rule.arn for rule in self._rules.values()],
            topic_arns=self._topic_arns(),
        )

    def _rule(self, name: str, suffix: str) -> aws.cloudwatch.EventRule:
        given, where = self.args[name], f"{self.component}, {name}"
        wanted = given["pattern"] if name == "event_source" else object_source.object_pattern(where, given)
        what = f"{self.common.name}: events for the function"
        return triggers.rule(self.common, suffix, what, event_patterns.ordered(wanted), given.get("event_bus_name"))

    def _topic_arns(self) -> list[pulumi.Input[str]]:
        given = self.args.get("topic_source")
        return [] if given is None else [given["topic_arn"]]

    def make_queues(self, failures: pulumi.Input[str] | None, timeout: pulumi.Input[int]) -> None:
        """Make the queues that are read.

        Args:
            failures: the queue for what failed; None where nothing of the component's needs one.
            timeout: the function's, in seconds.
        """
        for name, suffix in _OWN_QUEUES.items():
            given: Mapping[str, Any] | None = self.args.get(name)
            if given is None:
                continue
            where = f"{self.component}, {name}"
            filters = event_patterns.filters(where, given.get("filters"))
            # The mapping's name says what it reads, and the queue's what it is.
            mapping = "queue" if name == "queue_source" else suffix
            if "queue_arn" in given:
                self._queues.append(
                    SourceQueue(name, mapping, given["queue_arn"], given, filters, None, given.get("kms_key_arn"))
                )
                self.common.watch("queues", pulumi.Output.from_input(given["queue_arn"]).apply(_last))
                continue
            made, self._policies[name] = queues.queue_and_policy(
                self.common,
                suffix,
                fifo=is_fifo(self.args, name),
                rule_arns=[self._rules[name].arn] if name in self._rules else [],
                topic_arns=self._topic_arns() if name == "topic_source" else [],
                # A message must not come back while the function may still work on it (Lambda's advice for queues).
                visibility_timeout_seconds=pulumi.Output.from_input(timeout).apply(lambda seconds: 6 * seconds),
                redrive_policy=pulumi.Output.json_dumps(
                    {"deadLetterTargetArn": failures, "maxReceiveCount": int(given.get("max_receive_count", 5))}
                ),
            )
            delivery = {**given, "batch_size": 1} if name == "schedule" else given
            self._queues.append(SourceQueue(name, mapping, made.arn, delivery, filters, made.url))
            self.common.watch("queues", made.name)

    def grants(self) -> dict[str, Any]:
        """What the function's role needs to have its sources read, by Sid."""
        actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        found: dict[str, Any] = {}
        for queue in self._queues:
            sid = "ReadQueue" if queue.argument == "queue_source" else "ReadSources"
            found.setdefault(sid, {"actions": actions, "resources": []})["resources"].append(queue.arn)
            if queue.kms_key_arn is not None:
                found[sid]["kms_key_arns"] = [queue.kms_key_arn]
        return {**found, **stream_source.stream_grants(*(self.args.get(name) for name in _STREAMS))}

    def connect(
        self,
        function_arn: pulumi.Input[str],
        failures: pulumi.Input[str] | None,
        after: list[pulumi.Resource],
    ) -> None:
        """Hand what comes to the function, and let come what is pushed.

        Args:
            function_arn: the function.
            failures: the queue for what failed.
            after: what has to be there before the first event.
        """
        args, common = self.args, self.common
        mappings(common, self.component, self._queues, function_arn, args.get("reserved_concurrent_executions"), after)
        if failures is None:
            return
        for name, suffix in zip(_STREAMS, ("stream", "kinesis"), strict=True):
            if args.get(name) is not None:
                where = f"{self.component}, {name}"
                stream_source.mapping(common, where, suffix, args[name], function_arn, failures, after)
        if args.get("kinesis_source") is not None:
            stream = pulumi.Output.from_input(args["kinesis_source"]["stream_arn"])
            common.watch("streams", stream.apply(lambda arn: arn.rpartition("/")[2]))
        for queue in self._queues:
            ready = [self._policies[queue.argument]] if queue.argument in self._policies else []
            match queue.argument:
                case "topic_source":
                    where = f"{self.component}, topic_source"
                    topic_source.subscribe(common, where, args["topic_source"], queue, failures, ready)
                case "event_source" | "object_source" as name:
                    event_source.deliver(common, self.component, args[name], self._rules[name], queue, failures, ready)
                case "schedule":
                    key = args.get("dead_letter_queue_kms_key_arn")
                    schedule_source.schedule(common, self.component, args["schedule"], queue, failures, key)

    def queue(self) -> SourceQueue | None:
        """The queue of ``queue_source``."""
        return next((queue for queue in self._queues if queue.argument == "queue_source"), None)

    def queue_arns(self) -> dict[str, pulumi.Input[str]]:
        """The ARNs of all queues that are read, by their arguments' names."""
        return {queue.argument: queue.arn for queue in self._queues}


def _last(arn: str) -> str:
    return arn.rpartition(":")[2]
