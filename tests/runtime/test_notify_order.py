"""The notification: what its headers hold, and what it says when they cannot be sent."""

import importlib
import json
import sys
from types import ModuleType
from typing import Any

import pytest

CHANGE = {
    "order_id": "o-1",
    "event_id": "e-1",
    "version": "2",
    "status": "COMPLETED",
    "updated_at": "2026-01-01T00:00:00Z",
    "correlation_id": "c-1",
    "traceparent": "",
}


class Answer:
    """The other system's."""

    status = 204


def load(monkeypatch: pytest.MonkeyPatch, sent: list[dict[str, Any]]) -> ModuleType:
    monkeypatch.setenv("NOTIFICATION_URL", "http://127.0.0.1:9/events")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "test")
    sys.modules.pop("functions.notify_order.handler", None)
    module = importlib.import_module("functions.notify_order.handler")

    def request(*_: Any, headers: dict[str, str], **__: Any) -> Answer:
        sent.append(headers)
        return Answer()

    monkeypatch.setattr(module._pool, "request", request)
    return module


@pytest.mark.parametrize("id", ["a\r\nX: 1", "€", "x" * 300])
def test_a_correlation_id_that_is_no_header_value_holds_no_notification_up(
    monkeypatch: pytest.MonkeyPatch, id: str
) -> None:
    sent: list[dict[str, Any]] = []
    module = load(monkeypatch, sent)
    message = {"body": json.dumps({**CHANGE, "correlation_id": id})}
    assert module.handle(message, None) == {"status": 204}
    assert "X-Correlation-Id" not in sent[0]
    assert sent[0]["Idempotency-Key"] == '"e-1"'


def test_headers_that_cannot_be_sent_are_a_failure_of_the_notification(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load(monkeypatch, [])
    monkeypatch.undo()
    with pytest.raises(module.NotificationFailed, match="ValueError"):
        module.handle({"body": json.dumps({**CHANGE, "event_id": "a\r\nb"})}, None)
