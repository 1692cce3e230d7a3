"""Tables and their indexes, as far as expressions and keys are checked against them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import dynamodb as emulated

from eda_sandbox.foundation.cloud import ACCOUNT, REGION


@dataclass(frozen=True, slots=True)
class Index:
    """A table's keys, or those of one of its indexes.

    Attributes:
        name: the index's; None of the table itself.
        keys: the attributes, those of the hash first.
        hashes: how many of them are of the hash.
        is_global: whether it is a global index.
        projected: the attributes that are in it, None where all are.
    """

    name: str | None
    keys: tuple[str, ...]
    hashes: int
    is_global: bool = False
    projected: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        keys: its own keys.
        types: of all attributes that are keys of it or of an index.
        indexes: by name.
    """

    keys: Index
    types: Mapping[str, str]
    indexes: Mapping[str, Index]


def find(name: str) -> Table | None:
    """The table of a name or an ARN; None where there is none.

    Args:
        name: the name or the ARN.
    """
    with request_scope(ACCOUNT, REGION):
        found = emulated._tables.get(emulated._normalize_table_name(name))
    if found is None:
        return None
    keys = _index(found)
    indexes = [
        _index(one, keys, is_global=kind == "GlobalSecondaryIndexes")
        for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
        for one in found.get(kind) or []
    ]
    types = {one["AttributeName"]: one["AttributeType"] for one in found["AttributeDefinitions"]}
    return Table(keys, types, {str(one.name): one for one in indexes})


def _index(found: Mapping[str, Any], table: Index | None = None, is_global: bool = False) -> Index:
    hashes = [one["AttributeName"] for one in found["KeySchema"] if one["KeyType"] == "HASH"]
    keys = (*hashes, *(one["AttributeName"] for one in found["KeySchema"] if one["KeyType"] == "RANGE"))
    projection, projected = found.get("Projection") or {}, None
    if table is not None and projection.get("ProjectionType", "ALL") != "ALL":
        projected = frozenset({*keys, *table.keys, *(projection.get("NonKeyAttributes") or ())})
    return Index(found.get("IndexName"), keys, len(hashes), is_global, projected)
