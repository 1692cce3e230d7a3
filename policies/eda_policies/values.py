"""Properties as the engine sends them, made into plain Python; the one place that knows how the wire marks values.

Numbers arrive as floats, lists and maps as proxies that raise on what is unknown, secrets and archives as maps with a
signature. Here whole floats become integers, proxies lists and dicts, what is unknown ``UNKNOWN``; the paths of secrets
are kept beside the values.
"""

import enum
from collections.abc import Mapping, Sequence
from typing import Any, Final

from google.protobuf.struct_pb2 import ListValue, Struct, Value
from pulumi_policy import proxy
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY

Path = tuple[str, ...]


class Unknown(enum.Enum):
    """What a preview cannot know."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
_SENTINELS = frozenset(value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_"))
_OUTPUT_SIG = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
"""Signature of an output value (Pulumi's resource package, ``OutputValueSig``)."""


class Values:
    """A resource's properties.

    Attributes:
        tree: dicts, lists, strings, numbers, booleans, None and ``UNKNOWN``.
        secrets: paths of what is secret.
    """

    __slots__ = ("secrets", "tree")

    def __init__(self, tree: dict[str, Any], secrets: frozenset[Path] = frozenset()) -> None:
        self.tree = tree
        self.secrets = secrets


def of_struct(struct: Struct) -> Values:
    """Properties of a request."""
    secrets: set[Path] = set()
    return Values(_of_fields(struct, (), secrets), frozenset(secrets))


def of_properties(properties: Mapping[str, Any]) -> Values:
    """Properties of a policy's arguments (proxies), or plain ones in the form of the wire."""
    secrets: set[Path] = set()
    return Values(_of_mapping(properties, (), secrets), frozenset(secrets))


def _of_fields(struct: Struct, path: Path, secrets: set[Path]) -> dict[str, Any]:
    return {key: _of_value(value, (*path, key), secrets) for key, value in struct.fields.items()}


def _of_value(value: Value, path: Path, secrets: set[Path]) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            text = value.string_value
            return UNKNOWN if text in _SENTINELS else text
        case "number_value":
            return _number(value.number_value)
        case "bool_value":
            return value.bool_value
        case "struct_value":
            fields = value.struct_value.fields
            # The check is first, because reading a key that is not there would make it.
            if SPECIAL_SIG_KEY in fields:
                return _of_signed(_plain(value.struct_value), path, secrets)
            return _of_fields(value.struct_value, path, secrets)
        case "list_value":
            return _of_list(value.list_value, path, secrets)
    return None


def _of_list(values: ListValue, path: Path, secrets: set[Path]) -> list[Any]:
    return [_of_value(value, (*path, str(index)), secrets) for index, value in enumerate(values.values)]


def _plain(struct: Struct) -> dict[str, Any]:
    """A signed map with what is in it still in the form of the wire."""
    return {key: _wire(value) for key, value in struct.fields.items()}


def _wire(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _plain(value.struct_value)
        case "list_value":
            return [_wire(item) for item in value.list_value.values]
        case "string_value":
            return value.string_value
        case "number_value":
            return value.number_value
        case "bool_value":
            return value.bool_value
    return None


def _of_any(value: Any, path: Path, secrets: set[Path]) -> Any:
    if isinstance(value, str):
        return UNKNOWN if value in _SENTINELS else value
    if isinstance(value, bool) or value is None or isinstance(value, Unknown):
        return value
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, Mapping):
        return _of_mapping(value, path, secrets)
    if isinstance(value, Sequence):
        return [_of_item(value, index, (*path, str(index)), secrets) for index in range(len(value))]
    # An asset or an archive: no rule reads it.
    return {"type": type(value).__name__}


def _of_mapping(value: Mapping[str, Any], path: Path, secrets: set[Path]) -> Any:
    if SPECIAL_SIG_KEY in iter(value):
        return _of_signed(value, path, secrets)
    return {key: _of_item(value, key, (*path, key), secrets) for key in value}


def _of_item(container: Any, key: Any, path: Path, secrets: set[Path]) -> Any:
    try:
        return _of_any(container[key], path, secrets)
    except proxy.UnknownValueError:
        return UNKNOWN


def _of_signed(value: Mapping[str, Any], path: Path, secrets: set[Path]) -> Any:
    signature = value[SPECIAL_SIG_KEY]
    if signature == SPECIAL_SECRET_SIG:
        secrets.add(path)
        return _of_item(value, "value", path, secrets)
    if signature == _OUTPUT_SIG:
        if value.get("secret"):
            secrets.add(path)
        return _of_any(value["value"], path, secrets) if "value" in value else UNKNOWN
    return {"type": str(signature)}


def _number(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value
