"""Workflow step 1: who goes. In: ``{"id", "payload": {"sensor"}, "envelope"}``; out: ``{"result": {"technician"}}``."""

from typing import Any

TECHNICIANS = ("Ada", "Grace", "Radia")


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Choose."""
    return {"result": {"technician": TECHNICIANS[len(event["payload"]["sensor"]) % len(TECHNICIANS)]}}
