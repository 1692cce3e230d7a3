"""What DynamoDB asks IAM for when items are read and written: the action, the table or index, and the condition keys.

Which keys there are, and from what they are made, is in the Developer Guide, "Using IAM policy conditions for
fine-grained access control"; that transactions are asked for item by item in "IAM and transactions", and PartiQL's
actions in "IAM security policies with PartiQL".
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ministack.core import iam_actions
from ministack.core.responses import request_scope
from ministack.services import dynamodb as emulated

from eda_sandbox.foundation.cloud import ACCOUNT, REGION
from eda_sandbox.frontdoor.asked import Asked

_WRITES = ("PutItem", "UpdateItem", "DeleteItem")
_ITEMS = frozenset({*_WRITES, "GetItem", "Query", "Scan"})
_BATCHES = frozenset({"BatchGetItem", "BatchWriteItem"})
_TRANSACTIONS = frozenset({"TransactGetItems", "TransactWriteItems"})
_PARTIQL = frozenset({"BatchExecuteStatement", "ExecuteStatement", "ExecuteTransaction"})
OPERATIONS = _ITEMS | _BATCHES | _TRANSACTIONS | _PARTIQL
_PARTS = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
_EXPRESSIONS = (
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
)
_NAME = re.compile(r"(?<![\w.#:])(#?[A-Za-z_]\w*|#\w+)(?!\w*\s*\()")
_WORDS = frozenset({"ADD", "AND", "BETWEEN", "DELETE", "IN", "NOT", "OR", "REMOVE", "SET"})
_KEY_IS = re.compile(r"(#?\w+)\s*=\s*(:\w+)")
_PARTIQL_STATEMENT = re.compile(
    r"\s*(?:EXISTS\s*\(\s*)?(?P<verb>SELECT|INSERT|UPDATE|DELETE)\b"
    r"(?:.*?\bFROM\b|\s+INTO\b)?\s*\"?(?P<table>[\w.-]+)\"?(?:\s*\.\s*\"?(?P<index>[\w.-]+)\"?)?",
    re.IGNORECASE | re.DOTALL,
)


def install() -> None:
    """Let the emulator not look for the same: what is asked here it is asked for by the account's root."""
    replaced: Any = iam_actions
    replaced.dynamodb_service_context = lambda _body: {}
    replaced.dynamodb_transaction_checks = lambda *_: []


def asked(operation: str, given: Mapping[str, Any]) -> Iterator[Asked]:
    """What an operation on items needs; nothing where it names no table, which the emulator refuses itself.

    Args:
        operation: one of ``OPERATIONS``.
        given: its parameters.
    """
    if operation in _ITEMS:
        yield from _on_table(operation, operation, given)
    elif operation in _BATCHES:
        for table, wanted in _map(given.get("RequestItems")).items():
            yield from _batch(operation, table, wanted)
    elif operation in _TRANSACTIONS:
        for item in _list(given.get("TransactItems")):
            for part, action in _PARTS.items():
                if part in _map(item):
                    yield from _on_table(action, action, _map(item[part]), operation)
    else:
        for statement in _statements(given):
            yield from _partiql(operation, statement)


def _on_table(action: str, operation: str, given: Mapping[str, Any], enclosing: str | None = None) -> Iterator[Asked]:
    table = given.get("TableName")
    if not isinstance(table, str) or not table:
        return
    index = given.get("IndexName")
    keys: dict[str, Any] = {
        "dynamodb:leadingkeys": lambda: _leading_keys(operation, given, _hash_key(table, index)),
        "dynamodb:attributes": lambda: _attributes(given) or None,
        "dynamodb:returnconsumedcapacity": given.get("ReturnConsumedCapacity", "NONE"),
    }
    if operation in _WRITES:
        keys["dynamodb:returnvalues"] = given.get("ReturnValues", "NONE")
    else:
        keys["dynamodb:select"] = _select(given, index)
    if enclosing is not None:
        keys["dynamodb:enclosingoperation"] = enclosing
    suffix = f"/index/{index}" if isinstance(index, str) and index else ""
    yield Asked(f"dynamodb:{action}", _arn(table) + suffix, keys)


def _batch(operation: str, table: str, wanted: Any) -> Iterator[Asked]:
    hashes = _hash_key(table, None)
    if operation == "BatchGetItem":
        request = _map(wanted)
        items = [_map(one) for one in _list(request.get("Keys"))]
        attributes = [*_attributes(request), *(name for item in items for name in item)]
    else:
        request = {}
        parts = [part for one in _list(wanted) for part in _map(one).values()]
        items = [_map(_map(part).get("Item", _map(part).get("Key"))) for part in parts]
        attributes = [name for item in items for name in item]
    keys: dict[str, Any] = {
        "dynamodb:leadingkeys": _values(items, hashes),
        "dynamodb:attributes": sorted(set(attributes)) or None,
    }
    if operation == "BatchGetItem":
        keys["dynamodb:select"] = _select(request, None)
    yield Asked(f"dynamodb:{operation}", _arn(table), keys)


def _partiql(operation: str, statement: str) -> Iterator[Asked]:
    found = _PARTIQL_STATEMENT.match(statement)
    if found is None:
        yield Asked(f"dynamodb:{operation}", "*")
        return
    suffix = f"/index/{found['index']}" if found["index"] else ""
    enclosing = {} if operation == "ExecuteStatement" else {"dynamodb:enclosingoperation": operation}
    yield Asked(f"dynamodb:PartiQL{found['verb'].title()}", _arn(found["table"]) + suffix, enclosing)


def _statements(given: Mapping[str, Any]) -> Iterator[str]:
    for one in (given, *_list(given.get("Statements")), *_list(given.get("TransactStatements"))):
        if isinstance(_map(one).get("Statement"), str):
            yield one["Statement"]


def _hash_key(table: str, index: Any) -> str | None:
    """The attribute that a table, or its index, is parted by."""
    with request_scope(ACCOUNT, REGION):
        found = emulated._tables.get(emulated._normalize_table_name(table))
    if found is None:
        return None
    schema = found["KeySchema"]
    if isinstance(index, str) and index:
        known = [*(found.get("GlobalSecondaryIndexes") or ()), *(found.get("LocalSecondaryIndexes") or ())]
        schema = next((one["KeySchema"] for one in known if one.get("IndexName") == index), schema)
    return next((str(one["AttributeName"]) for one in schema if one["KeyType"] == "HASH"), None)


def _leading_keys(operation: str, given: Mapping[str, Any], hashes: str | None) -> list[str] | None:
    if operation == "Query":
        value = _queried(given, hashes)
        return [_text(value)] if isinstance(value, dict) else None
    if operation == "Scan":
        return None
    return _values([_map(given.get("Item", given.get("Key")))], hashes)


def _values(items: Iterable[Mapping[str, Any]], hashes: str | None) -> list[str] | None:
    found = [_text(item[hashes]) for item in items if hashes is not None and isinstance(item.get(hashes), dict)]
    return sorted(set(found)) or None


def _queried(given: Mapping[str, Any], hashes: str | None) -> Any:
    if hashes is None:
        return None
    legacy = _map(_map(given.get("KeyConditions")).get(hashes))
    if legacy.get("ComparisonOperator") == "EQ":
        return next(iter(_list(legacy.get("AttributeValueList"))), None)
    names, values = _map(given.get("ExpressionAttributeNames")), _map(given.get("ExpressionAttributeValues"))
    for name, value in _KEY_IS.findall(str(given.get("KeyConditionExpression", ""))):
        if names.get(name, name) == hashes:
            return values.get(value)
    return None


def _attributes(given: Mapping[str, Any]) -> list[str]:
    """The attributes of the top level that a request names."""
    names = _map(given.get("ExpressionAttributeNames"))
    found = {name for member in ("Key", "Item", "Expected", "AttributeUpdates") for name in _map(given.get(member))}
    found |= {name for member in ("KeyConditions", "QueryFilter", "ScanFilter") for name in _map(given.get(member))}
    found |= {name for name in _list(given.get("AttributesToGet")) if isinstance(name, str)}
    for member in _EXPRESSIONS:
        expression = given.get(member)
        if isinstance(expression, str):
            found |= {names.get(one, one) for one in _NAME.findall(expression) if one.upper() not in _WORDS}
    return sorted(found)


def _select(given: Mapping[str, Any], index: Any) -> str:
    if isinstance(given.get("Select"), str):
        return str(given["Select"])
    if given.get("ProjectionExpression") or given.get("AttributesToGet"):
        return "SPECIFIC_ATTRIBUTES"
    return "ALL_PROJECTED_ATTRIBUTES" if index else "ALL_ATTRIBUTES"


def _text(value: Mapping[str, Any]) -> str:
    return str(next(iter(value.values()), ""))


def _arn(table: str) -> str:
    return table if table.startswith("arn:") else f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"


def _map(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, dict) else {}


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []
