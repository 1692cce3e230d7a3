"""The X-Ray segment of a request to a stage that is traced.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-understanding-xray-traces.html
"""

import contextlib
import re
import time
from collections.abc import Iterator
from typing import Any

from eda_sandbox.foundation import tracing
from eda_sandbox.foundation.tracing import Trace, new_segment_id
from eda_sandbox.services.apigateway.exchange import Exchange, Reply
from eda_sandbox.services.apigateway.model import Integration

_AWS_SERVICE = re.compile(r"arn:[\w-]+:apigateway:[\w-]+:([\w.-]+):(path|action)/(.*)", re.DOTALL)
_FUNCTION = re.compile(r"functions/(?:arn:[^/]*:function:)?([^/:]+)(?::[^/]+)?/invocations")
_NAMES = {"states": "STEPFUNCTIONS", "lambda": "Lambda", "dynamodb": "DynamoDB"}
"""How segments name services; others by their name in ARNs, in capitals."""


class StageTrace:
    """One request's segment, from its beginning.

    Args:
        exchange: the request; its trace header is what it goes on with.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._trace = Trace.of(exchange.trace_id)
        self._id = new_segment_id()
        self._subsegments: list[dict[str, Any]] = []

    @property
    def recorded(self) -> bool:
        """Whether there is a segment: the stage is traced, and nobody has decided against it."""
        return self._exchange.stage.tracing_enabled and self._trace.sampled is not False

    @property
    def header(self) -> str:
        """What calls of the request get."""
        return self._trace.below(self._id).header if self.recorded else self._trace.header

    @contextlib.contextmanager
    def integration(self, integration: Integration | None) -> Iterator[None]:
        """A subsegment for the call of an integration; what it calls is below it."""
        if not self.recorded or integration is None or integration.type == "MOCK":
            yield
            return
        found: dict[str, Any] = {"id": new_segment_id(), "start_time": time.time()}
        found |= _called(integration, self._exchange)
        try:
            with tracing.carrying(self._trace.below(found["id"]).header):
                yield
        except BaseException:
            found["fault"] = True
            raise
        finally:
            found["end_time"] = time.time()
            status = self._exchange.context.get("integrationStatus")
            if status is not None:
                found["http"]["response"] = {"status": int(status)}
                found |= marks(int(status))
            self._subsegments.append(found)

    def document(self, reply: Reply) -> dict[str, Any]:
        """The whole segment, once the answer is known."""
        exchange = self._exchange
        request = {
            "url": f"https://{exchange.context['domainName']}{exchange.context['path']}",
            "method": exchange.http_method,
            "client_ip": exchange.source_ip,
            "user_agent": exchange.header("user-agent"),
            "x_forwarded_for": True,
        }
        found = {
            "id": self._id,
            "trace_id": self._trace.root,
            "parent_id": self._trace.parent,
            "name": _name(f"{exchange.api.name}/{exchange.stage.stage_name}"),
            "start_time": exchange.started,
            "end_time": time.time(),
            "http": {
                "request": {name: value for name, value in request.items() if value is not None},
                "response": {"status": reply.status, "content_length": len(reply.body)},
            },
            "aws": {
                "xray": {"sampling_rule_name": "Default"},
                "api_gateway": {
                    "account_id": exchange.account,
                    "rest_api_id": exchange.api.id,
                    "stage": exchange.stage.stage_name,
                    "request_id": exchange.request_id,
                },
            },
            "annotations": {"aws:api_id": exchange.api.id, "aws:api_stage": exchange.stage.stage_name},
            "metadata": {
                "default": {"extended_request_id": exchange.extended_request_id, "request_id": exchange.request_id}
            },
            "origin": "AWS::ApiGateway::Stage",
            "resource_arn": (
                f"arn:aws:apigateway:{exchange.region}::/restapis/{exchange.api.id}/stages/{exchange.stage.stage_name}"
            ),
            "subsegments": self._subsegments,
            **marks(reply.status),
        }
        return {name: value for name, value in found.items() if value not in (None, [])}


def marks(status: int) -> dict[str, bool]:
    """What a segment says of an HTTP status."""
    if status >= 500:
        return {"fault": True}
    if status == 429:
        return {"error": True, "throttle": True}
    return {"error": True} if status >= 400 else {}


def _called(integration: Integration, exchange: Exchange) -> dict[str, Any]:
    uri = integration.uri or ""
    method = exchange.http_method if integration.http_method == "ANY" else integration.http_method or "POST"
    match = _AWS_SERVICE.fullmatch(uri)
    if match is None:
        host = re.sub(r"^\w+://", "", uri).partition("/")[0]
        return {
            "name": _name(host or "HTTP"),
            "namespace": "remote",
            "http": {"request": {"url": uri, "method": method}},
        }
    service, kind, rest = match.groups()
    aws: dict[str, Any] = {"region": exchange.region}
    if service == "lambda":
        function = _FUNCTION.search(rest)
        aws |= {"operation": "Invoke", "function_name": function[1] if function else rest}
    elif kind == "action":
        aws["operation"] = rest.partition("&")[0]
    url = f"https://{service}.{exchange.region}.amazonaws.com/{rest if kind == 'path' else ''}"
    return {
        "name": _NAMES.get(service, service.upper()),
        "namespace": "aws",
        "aws": aws,
        "http": {"request": {"url": url, "method": method}},
    }


def _name(text: str) -> str:
    """A name as segments may have it."""
    return re.sub(r"[^\w\s.:/%&#=+\\\-@]", "_", text)[:200]
