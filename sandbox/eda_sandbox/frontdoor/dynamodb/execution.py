"""The emulator's evaluation of expressions, replaced by ours: it passes over what it does not understand.

Its functions are called in the place where it has the item, under its lock, so that nothing can come between.
"""

import contextvars
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import dynamodb as emulated

from eda_sandbox.frontdoor.dynamodb import grammar
from eda_sandbox.frontdoor.dynamodb.binding import Binding
from eda_sandbox.frontdoor.dynamodb.conditions import fulfils
from eda_sandbox.frontdoor.dynamodb.syntax import Invalid
from eda_sandbox.frontdoor.dynamodb.updates import applied, targets
from eda_sandbox.frontdoor.dynamodb.values import Item

_request: contextvars.ContextVar[Mapping[str, Any]] = contextvars.ContextVar("_request")
_emulators = {
    name: getattr(emulated, name)
    for name in ("_query", "_scan", "_build_change_record", "_apply_index_projection", "_item_size_bytes")
}


def install() -> None:
    """Evaluate in the emulator's place; again does nothing."""
    emulated._evaluate_condition = _condition
    emulated._apply_update_expression = _update
    emulated._build_change_record = _change_record
    emulated._query = _knowing_the_request(_emulators["_query"])
    emulated._scan = _knowing_the_request(_emulators["_scan"])
    emulated._apply_index_projection = _index_projection
    emulated._evaluate_legacy_filter = _legacy_filter


def _condition(
    text: str | None,
    item: Item,
    values: Mapping[str, Any] | None,
    names: Mapping[str, str] | None,
    slot: str = "ConditionExpression",
) -> bool:
    if not text:
        return True
    try:
        return fulfils(item, grammar.condition(text), Binding(names or {}, values or {}))
    except Invalid as invalid:
        raise ValueError(f"Invalid {slot}: {invalid}") from None


def _update(
    item: Item,
    text: str,
    values: Mapping[str, Any] | None,
    names: Mapping[str, str] | None,
    updated: set[tuple[str | int, ...]] | None = None,
) -> tuple[Item, set[tuple[str | int, ...]]]:
    updated = set() if updated is None else updated
    try:
        update, binding = grammar.update(text), Binding(names or {}, values or {})
        updated.update(targets(update, binding))
        return applied(item, update, binding), updated
    except Invalid as invalid:
        raise ValueError(str(invalid)) from None


def _change_record(*given: Any) -> dict[str, Any]:
    record: dict[str, Any] = _emulators["_build_change_record"](*given)
    change = record["dynamodb"]
    size = _emulators["_item_size_bytes"]
    # The keys and both images, as far as the stream has them (LocalStack's records of test_batch_write_items_streaming).
    change["SizeBytes"] = sum(size(change[name]) for name in ("Keys", "NewImage", "OldImage") if name in change)
    return record


def _knowing_the_request(handler: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def handle(parameters: dict[str, Any]) -> Any:
        token = _request.set(parameters)
        try:
            return handler(parameters)
        finally:
            _request.reset(token)

    return handle


def _index_projection(item: Item, table: Mapping[str, Any], index: str | None) -> Item:
    """What is read of an index; a local one fetches from the table what it does not have (Developer Guide, local
    secondary indexes: attribute projections)."""
    asked = _request.get({})
    fetches = asked.get("Select") == "ALL_ATTRIBUTES" or asked.get("ProjectionExpression") or asked.get("AttributesToGet")
    if fetches and any(one["IndexName"] == index for one in table.get("LocalSecondaryIndexes") or []):
        return item
    projected: Item = _emulators["_apply_index_projection"](item, table, index)
    return projected


def _legacy_filter(item: Item, conditions: Mapping[str, Any]) -> bool:
    some = any if _request.get({}).get("ConditionalOperator") == "OR" else all
    return some(
        emulated._check_legacy_comparison(
            item.get(name), one.get("ComparisonOperator", "EQ"), one.get("AttributeValueList", [])
        )
        for name, one in conditions.items()
    )
