"""API keys at the door: which plan a key has for a stage, its throttle and its quota."""

import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from eda_sandbox.services.apigateway.exchange import Exchange
from eda_sandbox.services.apigateway.gateway_responses import GatewayError
from eda_sandbox.services.apigateway.model import ApiKey, UsagePlan
from eda_sandbox.services.apigateway.throttling import Throttle


class Usage:
    """Counts requests by plan and key, a day at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._days: dict[tuple[str, str], dict[str, int]] = {}

    def spend(self, plan: UsagePlan, key_id: str, today: datetime) -> bool:
        """Count a request; False when the plan's quota for the key is used up."""
        with self._lock:
            if plan.quota and self._remaining(plan, key_id, today) <= 0:
                return False
            days = self._days.setdefault((plan.id, key_id), {})
            day = today.date().isoformat()
            days[day] = days.get(day, 0) + 1
            return True

    def _remaining(self, plan: UsagePlan, key_id: str, today: datetime) -> int:
        return int((plan.quota or {})["limit"]) - self._used(plan, key_id, today)

    def _used(self, plan: UsagePlan, key_id: str, today: datetime) -> int:
        start = _period_start(str((plan.quota or {}).get("period", "DAY")), today).date().isoformat()
        days = self._days.get((plan.id, key_id), {})
        return sum(count for day, count in days.items() if day >= start)


def _period_start(period: str, today: datetime) -> datetime:
    midnight = datetime(today.year, today.month, today.day, tzinfo=UTC)
    if period == "WEEK":
        return midnight - timedelta(days=midnight.isoweekday() % 7)
    return midnight.replace(day=1) if period == "MONTH" else midnight


def admit(
    exchange: Exchange,
    keys: Iterable[ApiKey],
    plans: Iterable[UsagePlan],
    usage: Usage,
    throttle: Throttle,
    now: datetime,
) -> None:
    """Let a request with an API key in, as its usage plan allows.

    Raises:
        GatewayError: INVALID_API_KEY without an enabled key of one of the stage's plans, THROTTLED,
            QUOTA_EXCEEDED.
    """
    route = exchange.route
    value = exchange.header("x-api-key")
    if route is None or not value:
        raise GatewayError("INVALID_API_KEY")
    key = next((item for item in keys if item.value == value and item.enabled), None)
    if key is None:
        raise GatewayError("INVALID_API_KEY")
    for plan in plans:
        stage = plan.stage(exchange.api.id, exchange.stage.stage_name)
        if stage is None or key.id not in plan.keys:
            continue
        exchange.identity["apiKey"] = key.value
        exchange.identity["apiKeyId"] = key.id
        _throttle(exchange, plan, stage, key, throttle)
        if not usage.spend(plan, key.id, now):
            raise GatewayError("QUOTA_EXCEEDED")
        return
    raise GatewayError("INVALID_API_KEY")


def _throttle(exchange: Exchange, plan: UsagePlan, stage: dict[str, Any], key: ApiKey, throttle: Throttle) -> None:
    route = exchange.route
    by_method = stage.get("throttle") or {}
    method = f"{route.resource.path}/{exchange.http_method}" if route else ""
    limits = [(method, by_method.get(method)), ("", plan.throttle)]
    for scope, limit in limits:
        if not limit:
            continue
        bucket = ("plan", plan.id, key.id, exchange.api.id, exchange.stage.stage_name, scope)
        if not throttle.take(bucket, float(limit.get("rateLimit", 0)), int(limit.get("burstLimit", 0))):
            raise GatewayError("THROTTLED")
