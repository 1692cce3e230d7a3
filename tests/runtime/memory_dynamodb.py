"""DynamoDB in memory, behind the calls of a boto3 client: conditions and updates as DynamoDB evaluates them.

For tests and benchmarks of what is written with which condition; each call is atomic and counted.
"""

import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

MAX_ITEM_BYTES = 400 * 1024
_TOKENS = re.compile(r"\s*(<=|>=|<>|[()=<>,]|[#:]?\w+)")
_COMMAS = re.compile(r", (?![^(]*\))")
_IF_NOT_EXISTS = re.compile(r"if_not_exists\(([#\w]+), (:\w+)\)")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
Item = dict[str, Any]


class ConditionalCheckFailedException(ClientError):
    """As the client's own exception of that name."""


def error(code: str, operation: str, **more: Any) -> ClientError:
    """A client's error."""
    kind = ConditionalCheckFailedException if code == "ConditionalCheckFailedException" else ClientError
    return kind({"Error": {"Code": code, "Message": code}, **more}, operation)  # type: ignore[typeddict-item]  # services add keys of their own


@dataclass
class MemoryDynamoDB:
    """A client for tables that are there as soon as they are named.

    Attributes:
        keys: the key attributes of each table; ``("id",)`` for those that are not named.
        tables: items by their keys' values.
        calls: how often each operation was called.
        before: called with the operation and its parameters before each call; what it raises is the call's error.
    """

    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tables: dict[str, dict[tuple[str, ...], Item]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    before: Callable[[str, dict[str, Any]], None] = lambda operation, parameters: None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    exceptions = SimpleNamespace(ConditionalCheckFailedException=ConditionalCheckFailedException)

    def __post_init__(self) -> None:
        # Powertools registers its user agent with the client.
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))
        self._tokens: dict[str, Any] = {}

    def put_item(self, **request: Any) -> dict[str, Any]:
        return self._call("put_item", request, lambda: self._write("Put", request, "PutItem"))

    def update_item(self, **request: Any) -> dict[str, Any]:
        return self._call("update_item", request, lambda: self._write("Update", request, "UpdateItem"))

    def delete_item(self, **request: Any) -> dict[str, Any]:
        return self._call("delete_item", request, lambda: self._write("Delete", request, "DeleteItem"))

    def get_item(self, **request: Any) -> dict[str, Any]:
        def get() -> dict[str, Any]:
            item = self._table(request).get(self._key(request["TableName"], request["Key"]))
            return {"Item": dict(item)} if item else {}

        return self._call("get_item", request, get)

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        return self._call("transact_write_items", request, lambda: self._transact(request))

    def item(self, table: str, *key: str) -> Item:
        """An item, empty when there is none."""
        return self.tables.get(table, {}).get(key, {})

    def _call(self, name: str, request: dict[str, Any], act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        self.before(name, request)
        with self._lock:
            self.calls[name] += 1
            return act()

    def _transact(self, request: dict[str, Any]) -> dict[str, Any]:
        writes = [next(iter(entry.items())) for entry in request["TransactItems"]]
        assert 1 <= len(writes) <= 100
        token = request.get("ClientRequestToken")
        if token in self._tokens:
            assert self._tokens[token] == request, "IdempotentParameterMismatch"
            return {}
        targets = [(write["TableName"], self._key_of(write)) for _, write in writes]
        assert len(set(targets)) == len(targets), "multiple operations on one item"
        reasons = []
        for _, write in writes:
            seen = self._table(write).get(self._key_of(write), {})
            holds = self._holds(write, seen)
            shown = {"Item": seen} if seen and write.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" else {}
            reasons.append({"Code": "None"} if holds else {"Code": "ConditionalCheckFailed", **shown})
        if any(reason["Code"] != "None" for reason in reasons):
            raise error("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)
        made = [self._made(kind, write) for kind, write in writes]
        for (kind, write), item in zip(writes, made, strict=True):
            if kind != "ConditionCheck":
                self._store(write, item)
        if token is not None:
            self._tokens[token] = request
        return {}

    def _write(self, kind: str, request: dict[str, Any], operation: str) -> dict[str, Any]:
        seen = self._table(request).get(self._key_of(request), {})
        if not self._holds(request, seen):
            shown = {"Item": seen} if seen and request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" else {}
            raise error("ConditionalCheckFailedException", operation, **shown)
        made = self._made(kind, request)
        self._store(request, made)
        return {"Attributes": dict(made)} if made and request.get("ReturnValues") == "ALL_NEW" else {}

    def _made(self, kind: str, write: dict[str, Any]) -> Item | None:
        if kind in ("Delete", "ConditionCheck"):
            return None
        item = dict(write["Item"]) if kind == "Put" else self._updated(write)
        size = sum(len(name) + len(str(next(iter(value.values()))).encode()) for name, value in item.items())
        if size > MAX_ITEM_BYTES:
            raise error("ValidationException", "UpdateItem")
        return item

    def _updated(self, write: dict[str, Any]) -> Item:
        item = dict(self._table(write).get(self._key_of(write)) or write["Key"])
        names, values = write.get("ExpressionAttributeNames", {}), write.get("ExpressionAttributeValues", {})
        changes, _, removed = write["UpdateExpression"].partition("REMOVE ")
        for name in filter(None, removed.split(", ")):
            item.pop(names.get(name, name), None)
        kind, _, assignments = changes.strip().partition(" ")
        for assignment in filter(None, _COMMAS.split(assignments)):
            if kind == "SET":
                name, value = assignment.split(" = ")
                kept = _IF_NOT_EXISTS.fullmatch(value)
                given = values[kept[2] if kept else value]
                item[names.get(name, name)] = item.get(names.get(kept[1], kept[1]), given) if kept else given
            else:
                assert kind == "ADD", write["UpdateExpression"]
                name, value = assignment.split(" ")
                attribute = names.get(name, name)
                before = Decimal(item.get(attribute, {"N": "0"})["N"])
                item[attribute] = {"N": str(before + Decimal(values[value]["N"]))}
        return item

    def _store(self, write: dict[str, Any], item: Item | None) -> None:
        if item is None:
            self._table(write).pop(self._key_of(write), None)
        else:
            self._table(write)[self._key_of(write)] = item

    def _table(self, request: dict[str, Any]) -> dict[tuple[str, ...], Item]:
        return self.tables.setdefault(request["TableName"], {})

    def _key_of(self, write: dict[str, Any]) -> tuple[str, ...]:
        return self._key(write["TableName"], write.get("Key") or write["Item"])

    def _key(self, table: str, item: Item) -> tuple[str, ...]:
        return tuple(str(next(iter(item[name].values()))) for name in self.keys.get(table, ("id",)))

    def _holds(self, write: dict[str, Any], item: Item) -> bool:
        expression = write.get("ConditionExpression")
        if expression is None:
            return True
        names, values = write.get("ExpressionAttributeNames", {}), write.get("ExpressionAttributeValues", {})
        return _Condition(_TOKENS.findall(expression), names, values, item).alternatives()


class _Condition:
    """One evaluation of a condition expression: OR of ANDs of comparisons, existence tests and parentheses."""

    def __init__(self, tokens: list[str], names: dict[str, str], values: Item, item: Item) -> None:
        self._tokens, self._names, self._values, self._item = tokens, names, values, item

    def alternatives(self) -> bool:
        result = self._all()
        while self._tokens and self._tokens[0] == "OR":
            self._tokens.pop(0)
            result = self._all() or result
        return result

    def _all(self) -> bool:
        result = self._one()
        while self._tokens and self._tokens[0] == "AND":
            self._tokens.pop(0)
            result = self._one() and result
        return result

    def _one(self) -> bool:
        token = self._tokens.pop(0)
        if token == "(":
            result = self.alternatives()
            assert self._tokens.pop(0) == ")"
            return result
        if token in ("attribute_exists", "attribute_not_exists"):
            _, name, _ = self._tokens.pop(0), self._tokens.pop(0), self._tokens.pop(0)
            return (self._names.get(name, name) in self._item) is (token == "attribute_exists")
        operator, right = self._tokens.pop(0), self._operand(self._tokens.pop(0))
        left = self._operand(token)
        # A comparison with an attribute that is not there does not hold, nor one of two types.
        if left is None or right is None or left[0] != right[0]:
            return False
        return _COMPARISONS[operator](left[1], right[1])

    def _operand(self, token: str) -> tuple[str, Any] | None:
        typed = self._values[token] if token.startswith(":") else self._item.get(self._names.get(token, token))
        if typed is None:
            return None
        kind, value = next(iter(typed.items()))
        return kind, Decimal(value) if kind == "N" else value
