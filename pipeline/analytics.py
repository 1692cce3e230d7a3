"""What the pipeline's own data looks like behind the table: raw attributes, curated columns, and the query between.

A row brings values that nobody checked: files can be put beside Firehose's. So no value can fail its file's query, nor
the file's load. What can't be taken is NULL, what is too long for the warehouse is cut, and the row says so in
``invalid``.
"""

from collections.abc import Mapping

from pipeline.schemas import ORDER

ATTRIBUTES = (
    "tenant",
    "status",
    "version",
    "correlation_id",
    "causation_id",
    "event_id",
    "traceparent",
    "schema_version",
    "occurred_at",
    "created_at",
    "updated_at",
    "payload",
    "result",
    "details",
    "error",
)
"""Attributes of an order's row that flow on with each change; nested data is one JSON string each."""

OLD_ATTRIBUTES = ("created_at",)
"""Attributes of the row that was, which flow on too: a deletion has no other."""

LENGTHS = {
    "order_id": 64,
    "status": 32,
    "tenant": 256,
    "correlation_id": 128,
    "causation_id": 512,
    "event_id": 128,
    "traceparent": 64,
    **{name: ORDER["properties"][name]["maxLength"] for name in ("customer", "sku")},
    "error": 256,
}
"""Characters of the texts, as the API's schema has them or as their writers keep to."""

JSON_BYTES = 65535
"""Bytes of nested data in the warehouse: the longest VARCHAR (Redshift Database Developer Guide, character types)."""

VERSIONS = 1_000_000
"""Versions that one order can have."""


def _text(name: str) -> tuple[str, str]:
    # A VARCHAR's size is in bytes, of which UTF-8 has four a character at most.
    return "string", f"VARCHAR({4 * LENGTHS[name]})"


COLUMNS: dict[str, tuple[str, str]] = {
    "order_id": _text("order_id"),
    "sequence": ("bigint", "BIGINT"),
    "version": ("bigint", "BIGINT"),
    "deleted": ("boolean", "BOOLEAN"),
    "status": _text("status"),
    "tenant": _text("tenant"),
    "correlation_id": _text("correlation_id"),
    "causation_id": _text("causation_id"),
    "event_id": _text("event_id"),
    "traceparent": _text("traceparent"),
    "occurred_at": ("timestamp", "TIMESTAMP"),
    "updated_at": ("timestamp", "TIMESTAMP"),
    "customer": _text("customer"),
    "sku": _text("sku"),
    "quantity": ("int", "INTEGER"),
    "result": ("string", f"VARCHAR({JSON_BYTES})"),
    "details": ("string", f"VARCHAR({JSON_BYTES})"),
    "error": _text("error"),
    "invalid": ("string", "VARCHAR(1024)"),
}
"""The curated columns in the order of the files: type in the Glue table, type in Redshift.

``sequence`` orders a key's rows: by when the order was made, then by version. An order that is deleted and made again
begins at version 1 again, and is newer than its deletion. ``invalid`` names the columns whose value could not be taken
as it was, separated by commas; NULL where there is none.
"""

KEY, VERSION, SEQUENCE, DELETED, INVALID = "order_id", "version", "sequence", "deleted", "invalid"

_CUT = tuple(name for name in LENGTHS if name != KEY)
_MEMBERS = ("customer", "sku", "quantity")
_TIMES = ("occurred_at", "updated_at", "created_at")
_JSON = ("result", "details")
# Years that keep a sequence within bigint, and an offset's hours that Trino knows: TRY does not catch that a zone is
# unknown (Trino's TryFunction, and NOT_SUPPORTED of TimeZoneNotSupportedException).
_TIME = "^2[01][0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}}T[0-9:.]+(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])$"
_VERSION = f"^[0-9]{{{{1,{len(str(VERSIONS - 1))}}}}}$"
# When a deletion was seen, in seconds, where it does not say when its order was made.
_SEEN = "TRY_CAST(regexp_extract(changed_at, '^[1-8][0-9]{{9}}') AS bigint)"

_BROUGHT = {
    **{name: f"NULLIF({name}, '')" for name in (*_CUT, *_TIMES, *_JSON)},
    "order_id": "order_id",
    "version": "IF(event_name = 'REMOVE', old_version, version)",
    "created_at": "NULLIF(IF(event_name = 'REMOVE', old_created_at, created_at), '')",
    "correlation_id": "COALESCE(NULLIF(correlation_id, ''), order_id)",
    "event_id": "COALESCE(NULLIF(event_id, ''), stream_event_id)",
    **{name: f"json_extract_scalar(NULLIF(payload, ''), '$.{name}')" for name in _MEMBERS},
}
"""Each value as the row brings it, a text: ``r_<name>`` in what follows."""


def _storable(name: str) -> str:
    # JSON can hold NUL, a VARCHAR can't.
    return f"strpos(r_{name}, chr(0)) = 0"


_TAKEN = {
    # A key that is cut would be another order's.
    "order_id": f"IF(length(r_order_id) <= {LENGTHS[KEY]} AND {_storable(KEY)}, r_order_id, '')",
    "version": f"TRY_CAST(regexp_extract(r_version, '{_VERSION}') AS bigint) + IF(deleted, 1, 0)",
    **{name: f"substr(replace(r_{name}, chr(0), ''), 1, {LENGTHS[name]})" for name in _CUT},
    **{
        name: f"TRY(CAST(from_iso8601_timestamp(regexp_extract(r_{name}, '{_TIME}')) AT TIME ZONE 'UTC' AS timestamp))"
        for name in _TIMES
    },
    "quantity": "TRY_CAST(r_quantity AS integer)",
    # What is cut is no JSON any more.
    **{name: f"IF(length(to_utf8(r_{name})) <= {JSON_BYTES} AND {_storable(name)}, r_{name})" for name in _JSON},
}
"""What is taken of it, whatever it is."""

_ODD = {
    "order_id": "order_id = ''",
    "sequence": "created_at IS NULL AND (seen IS NULL OR r_created_at > '')",
    "version": "version IS NULL",
    "deleted": "other",
    **{name: f"r_{name} <> {name}" for name in _CUT},
    **{name: f"r_{name} > '' AND {name} IS NULL" for name in (*_TIMES, *_JSON)},
    # The schema asks for them.
    **{name: f"payload > '' AND {name} IS NULL" for name in _MEMBERS},
}
_ODD |= {name: f"{_ODD[name]} OR r_{name} <> {name}" for name in ("customer", "sku")}
"""When that is not what the row brought."""


def _list(expressions: Mapping[str, str], prefix: str = "") -> str:
    return ",\n".join(f"{written} AS {prefix}{name}" for name, written in expressions.items())


def _query() -> str:
    columns = {
        **{name: name for name in COLUMNS},
        "sequence": f"COALESCE(TRY_CAST(to_unixtime(created_at) * 1000 AS bigint), seen * 1000, 0) * {VERSIONS}"
        " + COALESCE(version, 0)",
        "invalid": "NULLIF(concat_ws(',', "
        + ",\n".join(f"IF({_ODD[name]}, '{name}')" for name in COLUMNS if name in _ODD)
        + "), '')",
    }
    brought = {
        "deleted": "COALESCE(event_name, '') = 'REMOVE'",
        "other": "COALESCE(event_name, '') NOT IN ('INSERT', 'MODIFY', 'REMOVE')",
        "seen": f"IF(event_name = 'REMOVE', {_SEEN})",
        "payload": "payload",
    }
    selected = ",\n".join(written if written == name else f"{written} AS {name}" for name, written in columns.items())
    return (
        f"SELECT\n{selected}\nFROM (SELECT *,\n{_list(_TAKEN)}\n"
        f"FROM (SELECT\n{_list(brought)},\n{_list(_BROUGHT, 'r_')}\nFROM {{rows}}))"
    )


QUERY = _query()
"""One raw object to curated rows; ``{rows}`` is the object. Raw columns are strings, a missing attribute is empty."""
