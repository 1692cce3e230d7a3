"""Answers whose head came and whose body did not: each service makes of them what AWS shows."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ResponseStreamingError
from eda_sandbox.services.apigateway.backends import FrontDoorBackends
from eda_sandbox.services.apigateway.gateway_responses import GatewayError
from eda_sandbox.services.athena.errors import QueryError
from eda_sandbox.services.athena.storage import Storage, StoredObject
from eda_sandbox.services.pipes import targets


class Lost:
    """A body that does not come."""

    def read(self) -> bytes:
        raise ResponseStreamingError(error="the connection was closed")

    def iter_chunks(self, _size: int) -> Any:
        yield b"begin"
        self.read()


class Client:
    def invoke(self, **_: Any) -> dict[str, Any]:
        return {"Payload": Lost(), "StatusCode": 200}

    def get_object(self, **_: Any) -> dict[str, Any]:
        return {"Body": Lost()}


class OneClient:
    def client(self, *_: Any) -> Client:
        return Client()


def test_an_integration_with_a_function_fails() -> None:
    backends = FrontDoorBackends(cast(Any, OneClient()))
    with pytest.raises(GatewayError) as raised:
        backends.invoke("f", b"{}", cast(Any, None), "arn:aws:iam::000000000000:role/r", False, 1)
    assert raised.value.response_type == "INTEGRATION_FAILURE"


def test_a_pipes_batch_is_not_taken() -> None:
    configuration = {"Target": "arn:aws:lambda:eu-central-1:000000000000:function:f"}
    failures = targets.send(lambda _: Client(), configuration, ["{}", "{}"], [{}, {}])
    assert set(failures) == {0, 1}


def test_a_query_cannot_open_its_object(tmp_path: Path) -> None:
    storage = Storage(Client(), {}, threading.Event())
    stored = StoredObject("b", "k", 9, datetime.now(UTC))
    with pytest.raises(QueryError, match="HIVE_CANNOT_OPEN_SPLIT"):
        storage.download({stored: tmp_path / "k"})
