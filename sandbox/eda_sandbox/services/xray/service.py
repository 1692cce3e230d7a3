"""The API of AWS X-Ray: traces, and what a stack configures of them."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.service import Service
from eda_sandbox.services.xray import filter_expressions
from eda_sandbox.services.xray.documents import InvalidSegment, read
from eda_sandbox.services.xray.graph import graph
from eda_sandbox.services.xray.offered import OFFERED
from eda_sandbox.services.xray.summaries import summary
from eda_sandbox.services.xray.traces import Trace, Traces

MAX_GROUPS = 25
"""Groups of an account and region (X-Ray quotas)."""
MAX_RULES = 25
"""Sampling rules of an account and region (X-Ray quotas)."""
MAX_TRACE_IDS = 5
"""Traces that are asked for at once."""
PAGE = 100
"""Summaries of a page."""
_OF_GROUPS = ("GetGroup", "CreateGroup", "UpdateGroup", "DeleteGroup")
_TIMES: Mapping[str, Callable[[Trace], list[float]]] = {
    "TraceId": lambda trace: [trace.begin],
    "Event": lambda trace: [trace.updated],
    "Service": lambda trace: [segment.end for segment in trace.segments],
}
"""By what of a trace a time range asks."""


class XRay(Service):
    """Traces, groups and sampling rules."""

    name = "xray"
    offered = OFFERED

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._lock = threading.RLock()
        self._groups: dict[str, dict[str, Any]] = {}
        self._rules: dict[str, dict[str, Any]] = {}
        self._tags: dict[str, dict[str, str]] = {}
        self._traces = Traces()

    def resource_arn(self, operation: str, request: dict[str, Any]) -> str:
        """The group or the rule where it is named; of groups an ARN ends with an id, which a name does not tell."""
        if "ResourceARN" in request:
            return str(request["ResourceARN"])
        rule = request.get("SamplingRule") or request.get("SamplingRuleUpdate") or request
        if rule.get("RuleName"):
            return self._rule_arn(rule["RuleName"])
        if operation not in _OF_GROUPS:
            return "*"
        if request.get("GroupARN"):
            return str(request["GroupARN"])
        if request.get("GroupName"):
            return self.cloud.arn("xray", f"group/{request['GroupName']}/*")
        return "*"

    def put_trace_segments(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """PutTraceSegments; documents that are none are told of, and hold up no others."""
        refused = []
        for text in request["TraceSegmentDocuments"]:
            try:
                for document in read(text):
                    self._traces.put(document)
            except InvalidSegment as problem:
                said = {"Id": problem.id, "ErrorCode": problem.code, "Message": str(problem)}
                refused.append({name: value for name, value in said.items() if value is not None})
        return {"UnprocessedTraceSegments": refused}

    def put_telemetry_records(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """PutTelemetryRecords: how daemons fare, which no operation tells again."""
        return {}

    def batch_get_traces(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """BatchGetTraces."""
        found, missing = self._found(request)
        traces = [
            {
                "Id": trace.id,
                "Duration": round(trace.end - trace.root.begin, 3),
                "LimitExceeded": False,
                "Segments": [
                    {"Id": segment.document["id"], "Document": json.dumps(segment.document, separators=(",", ":"))}
                    for segment in trace.segments
                ],
            }
            for trace in found
        ]
        return {"Traces": traces, "UnprocessedTraceIds": missing}

    def get_trace_summaries(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetTraceSummaries."""
        within = self._within(request, request.get("TimeRangeType", "TraceId"))
        holds = self._filter(request.get("FilterExpression", ""))
        wanted = [trace for trace in within if holds(trace)]
        start = _start(request)
        page = wanted[start : start + PAGE]
        following = {"NextToken": str(start + PAGE)} if start + PAGE < len(wanted) else {}
        return {
            "TraceSummaries": [summary(trace, self.cloud.account) for trace in page],
            "ApproximateTime": request["StartTime"],
            "TracesProcessedCount": len(within),
            **following,
        }

    def get_service_graph(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetServiceGraph, of all traces or of a group's."""
        within = self._within(request, "TraceId")
        if request.get("GroupName") or request.get("GroupARN"):
            with self._lock:
                expression = self._group(request)["FilterExpression"]
            within = list(filter(self._filter(expression), within))
        return {
            "StartTime": request["StartTime"],
            "EndTime": request["EndTime"],
            "Services": graph(within, self.cloud.account),
            "ContainsOldGroupVersions": False,
        }

    def get_trace_graph(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetTraceGraph."""
        return {"Services": graph(self._found(request)[0], self.cloud.account)}

    def _found(self, request: dict[str, Any]) -> tuple[list[Trace], list[str]]:
        """The traces that are asked for, and the ids of those that are not there."""
        if "NextToken" in request:
            raise _invalid("NextToken is currently not supported")
        ids = list(dict.fromkeys(request["TraceIds"]))
        if len(ids) > MAX_TRACE_IDS:
            raise _invalid(f"Exceeding maximum query size: {MAX_TRACE_IDS}")
        traces = {id: self._traces.get(id) for id in ids}
        return [trace for trace in traces.values() if trace is not None], [id for id in ids if traces[id] is None]

    def _within(self, request: dict[str, Any], kind: str) -> list[Trace]:
        """The traces of a request's time range, the newest first."""
        begin, end = _seconds(request["StartTime"]), _seconds(request["EndTime"])
        if begin > end:
            raise _invalid("StartTime must be before EndTime")
        times = _TIMES[kind]
        # Times are sent in whole seconds.
        found = [trace for trace in self._traces.all() if any(begin <= at < end + 1 for at in times(trace))]
        return sorted(found, key=lambda trace: trace.begin, reverse=True)

    def _filter(self, expression: str) -> filter_expressions.Holds:
        return filter_expressions.parse(expression, self._expression_of)

    def _expression_of(self, by: str, value: str) -> str | None:
        member = {"name": "GroupName", "arn": "GroupARN"}[by]
        with self._lock:
            return next((str(g["FilterExpression"]) for g in self._groups.values() if g[member] == value), None)

    def create_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateGroup."""
        name = request["GroupName"]
        self._filter(request.get("FilterExpression", ""))
        with self._lock:
            if name in self._groups:
                raise _invalid(f"Group {name} already exists")
            if len(self._groups) >= MAX_GROUPS:
                raise _invalid(f"there are {MAX_GROUPS} groups already")
            arn = self.cloud.arn("xray", f"group/{name}/{uuid.uuid4().hex[:26].upper()}")
            group = {"GroupName": name, "GroupARN": arn, **_settings(request)}
            self._groups[name] = group
            self._tag(arn, request)
        return {"Group": group}

    def update_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateGroup."""
        self._filter(request.get("FilterExpression", ""))
        with self._lock:
            group = self._group(request)
            group.update(_settings({**group, **request}))
        return {"Group": group}

    def get_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetGroup."""
        with self._lock:
            return {"Group": self._group(request)}

    def get_groups(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetGroups; there are too few for pages."""
        with self._lock:
            return {"Groups": list(self._groups.values())}

    def delete_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteGroup."""
        with self._lock:
            group = self._group(request)
            del self._groups[group["GroupName"]]
            self._tags.pop(group["GroupARN"], None)
        return {}

    def create_sampling_rule(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateSamplingRule."""
        given = request["SamplingRule"]
        name = given.get("RuleName")
        if name is None:
            raise _invalid("RuleName is missing")
        if given["Version"] != 1:
            raise _invalid("Version must be 1")
        with self._lock:
            if name in self._rules:
                raise _invalid(f"Sampling rule {name} already exists")
            if len(self._rules) >= MAX_RULES:
                raise AwsError("RuleLimitExceededException", f"there are {MAX_RULES} sampling rules already")
            now = time.time()
            rule = {"Attributes": {}, **given, "RuleARN": self._rule_arn(name)}
            self._rules[name] = {"SamplingRule": rule, "CreatedAt": now, "ModifiedAt": now}
            self._tag(rule["RuleARN"], request)
            return {"SamplingRuleRecord": self._rules[name]}

    def update_sampling_rule(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateSamplingRule."""
        update = request["SamplingRuleUpdate"]
        with self._lock:
            record = self._rule(update)
            record["SamplingRule"].update({name: value for name, value in update.items() if name != "RuleARN"})
            record["ModifiedAt"] = time.time()
        return {"SamplingRuleRecord": record}

    def get_sampling_rules(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetSamplingRules; there are too few for pages."""
        with self._lock:
            return {"SamplingRuleRecords": list(self._rules.values())}

    def delete_sampling_rule(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteSamplingRule."""
        with self._lock:
            record = self._rule(request)
            rule = record["SamplingRule"]
            del self._rules[rule["RuleName"]]
            self._tags.pop(rule["RuleARN"], None)
        return {"SamplingRuleRecord": record}

    def tag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """TagResource."""
        with self._lock:
            self._tagged(request).update({tag["Key"]: tag["Value"] for tag in request["Tags"]})
        return {}

    def untag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UntagResource."""
        with self._lock:
            for key in request["TagKeys"]:
                self._tagged(request).pop(key, None)
        return {}

    def list_tags_for_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListTagsForResource."""
        with self._lock:
            return {"Tags": [{"Key": key, "Value": value} for key, value in self._tagged(request).items()]}

    def _tag(self, arn: str, request: dict[str, Any]) -> None:
        self._tags[arn] = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}

    def _tagged(self, request: dict[str, Any]) -> dict[str, str]:
        tags = self._tags.get(request["ResourceARN"])
        if tags is None:
            raise AwsError("ResourceNotFoundException", f"there is no {request['ResourceARN']}")
        return tags

    def _group(self, request: dict[str, Any]) -> dict[str, Any]:
        for group in self._groups.values():
            if group["GroupARN"] == request.get("GroupARN") or group["GroupName"] == request.get("GroupName"):
                return group
        raise _invalid("The group does not exist")

    def _rule(self, request: dict[str, Any]) -> dict[str, Any]:
        for record in self._rules.values():
            rule = record["SamplingRule"]
            if rule["RuleARN"] == request.get("RuleARN") or rule["RuleName"] == request.get("RuleName"):
                return record
        raise _invalid("The sampling rule does not exist")

    def _rule_arn(self, name: str) -> str:
        return self.cloud.arn("xray", f"sampling-rule/{name}")


def _seconds(moment: datetime) -> float:
    return moment.timestamp()


def _start(request: dict[str, Any]) -> int:
    token = request.get("NextToken") or "0"
    if not token.isdecimal():
        raise _invalid("Invalid NextToken")
    return int(token)


def _settings(request: dict[str, Any]) -> dict[str, Any]:
    insights = {"InsightsEnabled": False, "NotificationsEnabled": False, **request.get("InsightsConfiguration", {})}
    return {"FilterExpression": request.get("FilterExpression", ""), "InsightsConfiguration": insights}


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidRequestException", message)
