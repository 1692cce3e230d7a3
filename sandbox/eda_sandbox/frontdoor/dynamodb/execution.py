"""The emulator's evaluation of expressions, replaced by ours: it passes over what it does not understand.

Its functions are called in the place where it has the item, under its lock, so that nothing can come between.
"""

import contextvars
import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import dynamodb as emulated

from eda_sandbox.frontdoor.dynamodb import grammar
from eda_sandbox.frontdoor.dynamodb.binding import Binding
from eda_sandbox.frontdoor.dynamodb.conditions import fulfils
from eda_sandbox.frontdoor.dynamodb.returned import changed
from eda_sandbox.frontdoor.dynamodb.syntax import Invalid
from eda_sandbox.frontdoor.dynamodb.updates import applied, targets
from eda_sandbox.frontdoor.dynamodb.values import Item

OK = 200
_request: contextvars.ContextVar[Mapping[str, Any]] = contextvars.ContextVar("_request")
_emulators = {
    name: getattr(emulated, name)
    for name in (
        "_apply_index_projection",
        "_build_change_record",
        "_emit_stream_event",
        "_item_size_bytes",
        "_query",
        "_scan",
        "_set_item",
        "_update_item",
    )
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
    emulated._update_item = _knowing_the_request(_update_item)
    emulated._set_item = _set_item
    emulated._emit_stream_event = _emit_stream_event
    emulated._diff_attributes = _diff_attributes


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
    # The keys and both images, as far as the stream has them (LocalStack's test_batch_write_items_streaming).
    change["SizeBytes"] = sum(size(change[name]) for name in ("Keys", "NewImage", "OldImage") if name in change)
    return record


def _update_item(parameters: dict[str, Any]) -> Any:
    status, headers, body = _emulators["_update_item"](parameters)
    if status == OK and parameters.get("ReturnValues", "NONE") != "NONE":
        answer = json.loads(body)
        # Nothing is left of an item that was not made, and nothing that did not change is named.
        if not answer.get("Attributes") or not _is_there(parameters):
            answer.pop("Attributes", None)
            body = json.dumps(answer, ensure_ascii=False).encode()
    return status, headers, body


def _is_there(parameters: Mapping[str, Any]) -> bool:
    table = emulated._tables[emulated._normalize_table_name(parameters["TableName"])]
    return emulated._get_item_by_key(table, parameters["Key"]) is not None


def _made_nothing(item: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    """Whether an update had nothing to take away: it does not make an item (Scylla's ``test_returnvalues``)."""
    asked = _request.get({})
    text, key = asked.get("UpdateExpression"), asked.get("Key")
    if before is not None or not text or item != key:
        return False
    return all(section in ("REMOVE", "DELETE") for section in grammar.update(text).sections)


def _set_item(table: dict[str, Any], hash_value: Any, range_value: Any, item: Item) -> None:
    before = table["items"].get(hash_value, {}).get(range_value)
    if not _made_nothing(item, before):
        _emulators["_set_item"](table, hash_value, range_value, item)


def _emit_stream_event(table: str, event: str, before: Item | None, after: Item | None, replicate: bool = True) -> None:
    if after is None or not _made_nothing(after, before):
        _emulators["_emit_stream_event"](table, event, before, after, replicate)


def _diff_attributes(before: Item, after: Item, updated: set[Any], return_old: bool = True) -> Item:
    return changed(before if return_old else after, updated)


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
    fetches = (
        asked.get("Select") == "ALL_ATTRIBUTES" or asked.get("ProjectionExpression") or asked.get("AttributesToGet")
    )
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
