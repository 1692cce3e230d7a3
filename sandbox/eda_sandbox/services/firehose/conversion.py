"""From JSON records to Parquet, by the columns of a Glue table."""

import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from eda_sandbox.services.firehose import hive_types

MAXIMUM_OBJECT = 256 * 1024 * 1024
"""Bytes of a row that DuckDB takes; more than a record of Firehose can have."""
_SPACE = re.compile(r"\s*")


class ConversionFailure(Exception):
    """A record cannot be converted.

    Args:
        code: as Firehose writes it, for example ``DataFormatConversion.ParseError``.
        message: why.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = f"DataFormatConversion.{code}"
        self.message = message


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order, by their names in lower case.

    Args:
        columns: names and types.
        keys: of which key of a record a column is, where it has another name.
        case_insensitive: keys of records are taken in lower case.
        dots_to_underscores: dots in the keys of records become underscores.
    """

    columns: tuple[tuple[str, exp.DataType], ...]
    keys: dict[str, str]
    case_insensitive: bool
    dots_to_underscores: bool

    def rows(self, data: bytes) -> list[dict[str, Any]]:
        """The rows of a record, which holds one JSON object or several after each other.

        Raises:
            ConversionFailure: it does not, or a value does not fit its column.
        """
        return [self._row(document) for document in _documents(data)]

    def _row(self, document: dict[str, Any]) -> dict[str, Any]:
        given = {self._key(key): value for key, value in document.items()}
        row = {}
        for name, kind in self.columns:
            key = self.keys.get(name, name)
            try:
                row[name] = hive_types.cast(kind, given.get(key.lower() if self.case_insensitive else key), name)
            except hive_types.Mismatch as error:
                raise ConversionFailure("MalformedData", f"Data does not match the schema. {error}") from None
        return row

    def _key(self, key: str) -> str:
        key = key.replace(".", "_") if self.dots_to_underscores else key
        return key.lower() if self.case_insensitive else key


def schema_of(columns: list[dict[str, Any]], openx: dict[str, Any]) -> Schema:
    """A table's columns, and how the deserializer finds them.

    Args:
        columns: as Glue's ``StorageDescriptor`` has them.
        openx: the configuration of the OpenX JSON SerDe.

    Raises:
        ConversionFailure: there are none, or a type is none.
    """
    if not columns:
        raise ConversionFailure("InvalidSchema", "The schema is invalid. The specified table has no columns.")
    try:
        parsed = tuple((column["Name"].lower(), hive_types.parse(column.get("Type", "string"))) for column in columns)
    except ValueError as error:
        raise ConversionFailure("InvalidSchema", f"The schema is invalid. {error}") from None
    return Schema(
        parsed,
        {column.lower(): key for column, key in openx.get("ColumnToJsonKeyMappings", {}).items()},
        openx.get("CaseInsensitive", True),
        openx.get("ConvertDotsInJsonKeysToUnderscores", False),
    )


def parquet(schema: Schema, rows: Sequence[dict[str, Any]], compression: str, folder: Path) -> bytes:
    """Rows as a Parquet file.

    Args:
        schema: the columns.
        rows: as ``Schema.rows`` gives them.
        compression: ``SNAPPY``, ``GZIP`` or ``UNCOMPRESSED``.
        folder: for the files that are needed meanwhile.
    """
    columns = {name: hive_types.duckdb_type(kind) for name, kind in schema.columns}
    with tempfile.TemporaryDirectory(dir=folder) as place:
        source, target = Path(place) / "rows.json", Path(place) / "rows.parquet"
        with source.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False}) as database:
            read = database.read_json(
                str(source),
                columns=columns,
                format="newline_delimited",
                maximum_object_size=MAXIMUM_OBJECT,
            )
            read.write_parquet(str(target), compression=compression.lower())
        return target.read_bytes()


def _documents(data: bytes) -> list[dict[str, Any]]:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ConversionFailure("ParseError", f"Encountered malformed JSON. {error}") from None
    documents, position, decoder = [], 0, json.JSONDecoder(parse_constant=_no_number)
    while (position := _end_of_space(text, position)) < len(text):
        try:
            document, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise ConversionFailure("ParseError", f"Encountered malformed JSON. {error}") from None
        if not isinstance(document, dict):
            raise ConversionFailure("MalformedData", "Data does not match the schema. The top level is no JSON object.")
        documents.append(document)
    if not documents:
        raise ConversionFailure("MalformedData", "The record was empty or contained only whitespace.")
    return documents


def _end_of_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")
