"""What ``GetTraceSummaries`` says of a trace."""

from datetime import UTC, datetime
from typing import Any

from eda_sandbox.services.xray.traces import Node, Segment, Trace, subsegments

_HTTP = {"HttpURL": "url", "HttpMethod": "method", "UserAgent": "user_agent", "ClientIp": "client_ip"}


def service_id(node: Node, account: str) -> dict[str, Any]:
    """A service as answers name it."""
    found = {"Name": node.name, "Names": [node.name], "AccountId": account, "Type": node.type}
    return {name: value for name, value in found.items() if value is not None}


def summary(trace: Trace, account: str) -> dict[str, Any]:
    """A trace in short."""
    root = trace.root
    request, answer = trace.http.get("request") or {}, trace.http.get("response") or {}
    http = {name: request.get(member) for name, member in _HTTP.items()} | {"HttpStatus": answer.get("status")}
    nodes = dict.fromkeys(segment.node for segment in trace.segments)
    arns = dict.fromkeys(str(s.document["resource_arn"]) for s in trace.segments if s.document.get("resource_arn"))
    return {
        "Id": trace.id,
        "StartTime": datetime.fromtimestamp(trace.begin, UTC),
        "Duration": round(trace.end - root.begin, 3),
        "ResponseTime": round(root.end - root.begin, 3),
        "HasFault": root.flag("fault"),
        "HasError": root.flag("error"),
        "HasThrottle": root.flag("throttle"),
        "IsPartial": trace.partial,
        "Http": {name: value for name, value in http.items() if value is not None},
        "Annotations": _annotations(trace, account),
        "Users": [
            {"UserName": user, "ServiceIds": [service_id(segment.node, account)]} for segment, user in users(trace)
        ],
        "ServiceIds": [service_id(node, account) for node in nodes],
        "ResourceARNs": [{"ARN": arn} for arn in arns],
        "InstanceIds": [],
        "AvailabilityZones": [],
        "EntryPoint": service_id(root.node, account),
        "FaultRootCauses": [],
        "ErrorRootCauses": [],
        "ResponseTimeRootCauses": [],
        "Revision": trace.revision,
    }


def users(trace: Trace) -> list[tuple[Segment, str]]:
    """The users that segments name."""
    return [(segment, str(segment.document["user"])) for segment in trace.segments if segment.document.get("user")]


def annotations(trace: Trace) -> list[tuple[Segment, str, Any]]:
    """The annotations of segments and subsegments: where, key and value."""
    return [
        (segment, key, value)
        for segment in trace.segments
        for document in (segment.document, *subsegments(segment.document))
        for key, value in (document.get("annotations") or {}).items()
    ]


def _annotations(trace: Trace, account: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for segment, key, value in annotations(trace):
        if isinstance(value, bool):
            said: dict[str, Any] = {"BooleanValue": value}
        elif isinstance(value, int | float):
            said = {"NumberValue": float(value)}
        else:
            said = {"StringValue": str(value)}
        entry = {"AnnotationValue": said, "ServiceIds": [service_id(segment.node, account)]}
        if entry not in (known := found.setdefault(key, [])):
            known.append(entry)
    return found
