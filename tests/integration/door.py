"""The door in one process: the API that the component makes, on the sandbox's gateway, its template and its machine.

What stands behind is a table in memory and executions that are only noted, so that thousands of requests take seconds.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from eda_sandbox.foundation.doubts import settled
from eda_sandbox.services.apigateway import openapi
from eda_sandbox.services.apigateway.exchange import Exchange, Reply
from eda_sandbox.services.apigateway.gateway import Gateway
from eda_sandbox.services.apigateway.iam_authorization import SignedRequest
from eda_sandbox.services.apigateway.integrations import Invoked
from eda_sandbox.services.apigateway.model import Deployment, Integration, MethodSetting, RestApi, Stage
from eda_sandbox.services.apigateway.store import Store
from eda_sandbox.services.apigateway.throttling import Throttle
from eda_sandbox.services.apigateway.transformation import BackendRequest
from eda_sandbox.services.stepfunctions.interpreter import DATA_LIMIT
from pulumi_aws_eda import Authorization, EventApi
from pulumi_aws_eda.event_api import RouteArgs
from pulumi_aws_eda.testing import record

from tests.reliability.workflow_world import MACHINE, ORDERS, World

Row = dict[str, Any]
NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)


class Door:
    """``POST /orders``, open to everybody.

    Args:
        schema: of the body.

    Attributes:
        world: the table, and what admits a request.
        started: the executions' inputs by their names.
    """

    def __init__(self, schema: Mapping[str, Any] | None) -> None:
        self.world = World()
        self.started: dict[str, Any] = {}
        self.world.stepfunctions = self  # type: ignore[assignment]  # the one call that the machine makes
        self._requests = 0
        api = RestApi("api", "orders", NOW)
        api.definition = openapi.parse(_document(json.dumps(schema)).encode(), api.id).definition
        api.deployments["d"] = Deployment("d", NOW, api.definition.snapshot())
        unlimited = {"*/*": MethodSetting(throttling_burst_limit=10**9)}
        api.stages["v1"] = Stage("v1", "d", NOW, NOW, method_settings=unlimited)
        store = Store(Throttle(lambda: 10**6))
        store.apis[api.id] = api
        self._gateway = Gateway(
            store,
            self,
            region="eu-central-1",
            account="123456789012",
            fetch_keys=lambda _: [],
            now=lambda: NOW,
            log=lambda *_: None,
            doubts=settled(),
        )

    def post(self, body: bytes, headers: list[tuple[str, str]], query: str = "") -> Reply:
        """Send a request; header names go as they are."""
        sent = [("content-type", "application/json"), *headers]
        found = parse_qs(query, keep_blank_values=True)
        return self._gateway.handle(
            "api", "v1", "/orders", SignedRequest("POST", "/v1/orders", found, sent, body, "127.0.0.1")
        )

    def rows(self) -> dict[tuple[str, ...], Row]:
        """The table."""
        return self.world.memory.tables.get(ORDERS, {})

    def row(self, order_id: str) -> dict[str, str]:
        """An order's row, its values alone."""
        return {
            name: str(next(iter(value.values()))) for name, value in self.world.memory.item(ORDERS, order_id).items()
        }

    # What the gateway calls, and what the machine does.

    def aws(
        self, service: str, action: str | None, path: str, request: BackendRequest, integration: Integration
    ) -> Reply:
        """StartSyncExecution."""
        del path, integration
        assert (service, action) == ("states", "StartSyncExecution")
        given = json.loads(request.body)
        assert len(given["input"].encode()) <= DATA_LIMIT
        self._requests += 1
        execution = self.world.run(self.world.admission, f"r-{self._requests}", given["input"])
        assert execution.task is not None
        self.world.loop.run_until_complete(execution.task)
        answer = {"status": execution.status, "output": execution.output_text or "null"}
        return Reply(200, [("Content-Type", "application/x-amz-json-1.0")], json.dumps(answer).encode())

    def invoke(
        self, function: str, payload: bytes, exchange: Exchange, role_arn: str | None, event: bool, timeout: float
    ) -> Invoked:
        """No route has a function."""
        raise AssertionError(function)

    def http(self, method: str, url: str, request: BackendRequest, timeout: float) -> Reply:
        """No route has an address."""
        raise AssertionError(url)

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> dict[str, Any]:
        """Note that the workflow began."""
        assert stateMachineArn == MACHINE
        self.started[name] = json.loads(input)
        return {"executionArn": f"{MACHINE}:{name}"}


@cache
def _document(schema: str) -> str:
    route: RouteArgs = {
        "workflow": {
            "state_machine_arn": MACHINE,
            "table_name": ORDERS,
            "table_arn": "arn:aws:dynamodb:eu-central-1:123456789012:table/orders",
            "location": "/orders/{id}",
        }
    }
    if json.loads(schema) is not None:
        route["request_schema"] = json.loads(schema)

    def program() -> None:
        EventApi("door", {"routes": {"POST /orders": route}, "authorization": Authorization.NONE})

    body: str = record(program).one("aws:apigateway/restApi:RestApi").inputs["body"]
    return body
