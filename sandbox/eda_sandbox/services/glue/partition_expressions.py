"""The condition that ``GetPartitions`` takes: SQL on the partition keys."""

from typing import Any

import duckdb
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from eda_sandbox.foundation.errors import AwsError

_ALLOWED = (
    exp.And,
    exp.Or,
    exp.Not,
    exp.Paren,
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.In,
    exp.Between,
    exp.Like,
    exp.Is,
    exp.Null,
    exp.Neg,
    exp.Column,
    exp.Identifier,
    exp.Literal,
    exp.Tuple,
)
_STRINGS = ("string", "varchar", "char")


def matching(keys: list[dict[str, Any]], partitions: list[dict[str, Any]], expression: str) -> list[dict[str, Any]]:
    """The partitions for which a condition holds.

    Args:
        keys: the table's partition keys, ``Name`` and ``Type``.
        partitions: with ``Values`` in the order of the keys.
        expression: the condition.

    Raises:
        AwsError: it is not one that Glue evaluates.
    """
    try:
        condition = parse_one(expression, read="hive")
    except SqlglotError as error:
        raise AwsError("InvalidInputException", f"Unsupported expression '{expression}'") from error
    refused = next((node for node in condition.walk() if not isinstance(node, _ALLOWED)), None)
    if refused is not None:
        raise AwsError("InvalidInputException", f"Unsupported expression '{expression}': {refused.sql('hive')}")
    types = {key["Name"].lower(): key.get("Type", "string") for key in keys}
    columns = ", ".join(
        f'TRY_CAST("$values"[{place}] AS {exp.DataType.build(kind, dialect="hive").sql("duckdb")}) AS "{name}"'
        if not kind.startswith(_STRINGS)
        else f'"$values"[{place}] AS "{name}"'
        for place, (name, kind) in enumerate(types.items(), start=1)
    )
    query = f'SELECT "$row" FROM (SELECT "$row", {columns} FROM p) WHERE {condition.sql("duckdb")}'  # noqa: S608 - as checked
    with duckdb.connect(":memory:", config={"enable_external_access": False, "threads": 1}) as connection:
        connection.execute('CREATE TABLE p ("$row" BIGINT, "$values" VARCHAR[])')
        rows = [(number, partition["Values"]) for number, partition in enumerate(partitions)]
        if not rows:
            return []
        connection.executemany("INSERT INTO p VALUES (?, ?)", rows)
        try:
            found = connection.execute(query).fetchall()
        except duckdb.Error as error:
            raise AwsError("InvalidInputException", f"Unsupported expression '{expression}'") from error
    return [partitions[number] for (number,) in sorted(found)]
