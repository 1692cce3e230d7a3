"""COPY: files from S3, read through the front door with the role that the statement names."""

# ruff: noqa: S608 - names come from the catalog or are quoted, values are bound or quoted

import contextlib
import gzip
import json
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from botocore.exceptions import BotoCoreError, ClientError

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.redshift.sql import formats
from eda_sandbox.services.redshift.sql.catalog import Column, Relation, quoted
from eda_sandbox.services.redshift.sql.database import Database
from eda_sandbox.services.redshift.sql.errors import NOT_OFFERED, SqlError, scan_error
from eda_sandbox.services.redshift.sql.language import Tokens

PRINCIPALS = ("redshift.amazonaws.com", "redshift-serverless.amazonaws.com")
"""What a role for COPY has to trust; one of them is enough."""
_IGNORED = {"COMPUPDATE", "STATUPDATE"}
"""Options that change no result, each with ON, OFF or PRESET behind."""
_FLAGS = frozenset(
    [
        "MANIFEST",
        "GZIP",
        "EMPTYASNULL",
        "BLANKSASNULL",
        "TRUNCATECOLUMNS",
        "FILLRECORD",
        "ROUNDEC",
        "TRIMBLANKS",
        "IGNOREBLANKLINES",
    ]
)
_TEXTS = frozenset({"DELIMITER", "NULL", "REGION", "TIMEFORMAT", "DATEFORMAT", "QUOTE", "ENCODING"})
_REFUSED = frozenset(
    [
        "ACCEPTANYDATE",
        "ACCEPTINVCHARS",
        "ACCESS_KEY_ID",
        "BZIP2",
        "CREDENTIALS",
        "ENCRYPTED",
        "ESCAPE",
        "EXPLICIT_IDS",
        "FIXEDWIDTH",
        "IGNOREALLERRORS",
        "LZOP",
        "MASTER_SYMMETRIC_KEY",
        "MAXERROR",
        "NOLOAD",
        "READRATIO",
        "REMOVEQUOTES",
        "SECRET_ACCESS_KEY",
        "SERIALIZETOJSON",
        "SESSION_TOKEN",
        "SHAPEFILE",
        "SSH",
        "WITH",
        "ZSTD",
    ]
)
"""Options that Redshift documents and the sandbox has not."""
_OF_TEXT = ("DELIMITER", "QUOTE", "IGNOREHEADER", "ROUNDEC", "DATEFORMAT", "TIMEFORMAT", "BLANKSASNULL", "EMPTYASNULL")


@dataclass
class CopyOptions:
    """What a COPY statement says.

    Attributes:
        table: the target's name.
        columns: the list behind it; empty where there is none.
        source: ``s3://bucket/key``, a prefix or a manifest.
        role: the ARN, or ``default``.
        format: ``CSV``, ``JSON``, ``PARQUET`` or ``TEXT``, which is delimited by ``|``.
        others: flags and options by name.
    """

    table: list[str]
    columns: list[str]
    source: str
    role: str = ""
    format: str = "TEXT"
    others: dict[str, str | int | bool] = field(default_factory=dict)


def parse(statement: Tokens) -> CopyOptions:
    """Read a COPY statement.

    Raises:
        SqlError: it is not written as Redshift's, or has an option that the sandbox does not offer.
    """
    statement.expect("COPY")
    table = statement.name()
    columns: list[str] = []
    if statement.accept("("):
        columns = [name[-1] for name in statement.names()]
        statement.expect(")")
    statement.expect("FROM")
    options = CopyOptions(table, columns, statement.string())
    while not statement.ended:
        _option(statement, options)
    if not options.source.startswith("s3://"):
        raise SqlError(f"{NOT_OFFERED} COPY from {options.source.partition(':')[0]}; copy from s3://")
    if not options.role:
        raise SqlError("COPY needs credentials: give IAM_ROLE")
    if str(options.others.get("ENCODING", "UTF8")).upper() not in ("UTF8", "UTF-8"):
        raise SqlError(f"{NOT_OFFERED} COPY of {options.others['ENCODING']}; it reads UTF8")
    wrong = next((name for name in _OF_TEXT if name in options.others), None)
    if options.format == "PARQUET" and wrong:
        raise SqlError(f"{wrong} is not supported for PARQUET")
    return options


def _option(statement: Tokens, options: CopyOptions) -> None:
    word = statement.word
    if statement.accept("IAM_ROLE"):
        statement.accept("AS")
        options.role = "default" if statement.accept("DEFAULT") else statement.string()
    elif statement.accept("FORMAT"):
        statement.accept("AS")
        _format(statement, options)
    elif word in ("CSV", "JSON", "PARQUET", "ORC", "AVRO"):
        _format(statement, options)
    elif word in _FLAGS:
        statement.accept(word)
        options.others[word] = True
    elif word in _TEXTS:
        statement.accept(word)
        statement.accept("AS")
        options.others[word] = statement.string()
    elif statement.accept("COMPROWS"):
        statement.number()
    elif statement.accept("IGNOREHEADER"):
        statement.accept("AS")
        options.others[word] = statement.number()
    elif word in _IGNORED:
        statement.accept(word)
        any(statement.accept(value) for value in ("ON", "OFF", "PRESET", "TRUE", "FALSE"))
    elif word in _REFUSED:
        raise SqlError(f"{NOT_OFFERED} the COPY option {word}")
    else:
        raise statement.error()


def _format(statement: Tokens, options: CopyOptions) -> None:
    word = statement.word
    if word not in ("CSV", "JSON", "PARQUET"):
        raise SqlError(f"{NOT_OFFERED} COPY of {word}; it reads PARQUET, JSON and CSV")
    statement.accept(word)
    options.format = word
    statement.accept("AS")
    if word == "JSON":
        mode = statement.string()
        if mode not in ("auto", "auto ignorecase"):
            raise SqlError(f"{NOT_OFFERED} JSONPaths files ({mode}); use JSON 'auto'")
        options.others["IGNORECASE"] = mode == "auto ignorecase"


class Copy:
    """One run of a COPY statement.

    Args:
        database: gives the roles, the clients and the folder for files.
        connection: the session's.
        options: the statement.
        target: the table.
        columns: of the table, those that are loaded, in the order of the statement.
        query_id: for error messages.
        check: called between files; raises when the statement was stopped.
    """

    def __init__(
        self,
        database: Database,
        connection: duckdb.DuckDBPyConnection,
        options: CopyOptions,
        target: Relation,
        columns: list[Column],
        query_id: int,
        check: Callable[[], None],
    ) -> None:
        self._database = database
        self._connection = connection
        self._options = options
        self._target = target
        self._columns = columns
        self._query_id = query_id
        self._check = check

    def run(self) -> int:
        """Load all files; returns the number of rows.

        Raises:
            SqlError: the role, a file or its content is not as it has to be; nothing of the statement may stay.
        """
        s3 = self._client()
        folder = self._database.staging / secrets.token_hex(16)
        folder.mkdir(parents=True)
        try:
            files = list(self._files(s3))
            if not files:
                raise SqlError(f"The specified S3 prefix '{_split(self._options.source)[1]}' does not exist")
            return sum(self._load(s3, url, length, folder / str(index)) for index, (url, length) in enumerate(files))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _client(self) -> Any:
        namespace, role = self._database.namespace(), self._options.role
        if role == "default":
            role = namespace.get("defaultIamRoleArn") or ""
            if not role:
                raise SqlError("The default IAM role is not set for the namespace")
        if role not in namespace["iamRoles"]:
            raise SqlError(f"The requested role {role} is not associated to cluster")
        for principal in PRINCIPALS:
            try:
                return self._database.cloud.client("s3", role, principal)
            except AwsError:
                continue
        raise SqlError(f"Redshift is not authorized to assume IAM Role {role}")

    def _files(self, s3: Any) -> Iterator[tuple[str, int | None]]:
        bucket, key = _split(self._options.source)
        with _s3_errors():
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
            found = [item for page in pages for item in page.get("Contents", []) if item["Size"]]
        if not self._options.others.get("MANIFEST"):
            yield from ((f"s3://{bucket}/{item['Key']}", None) for item in found)
            return
        with _s3_errors():
            text = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        try:
            entries = [(entry["url"], entry) for entry in json.loads(text)["entries"]]
        except (ValueError, KeyError, TypeError) as error:
            raise SqlError(f"Problem reading manifest file - {self._options.source}: {error!r}") from error
        for url, entry in entries:
            length = (entry.get("meta") or {}).get("content_length")
            if self._options.format == "PARQUET" and length is None:
                raise SqlError(
                    f"File entry does not have 'meta' key.\n  Detail:\n  code:      15003\n  context:   {url} "
                    f"needs meta.content_length\n  query:     {self._query_id}"
                )
            if entry.get("mandatory") or self._exists(s3, url):
                yield url, length

    def _exists(self, s3: Any, url: str) -> bool:
        bucket, key = _split(url)
        try:
            s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return False
            raise _s3_error(error) from error
        except BotoCoreError as error:
            raise SqlError(f"S3CurlException: {error}") from error
        return True

    def _load(self, s3: Any, url: str, length: int | None, path: Path) -> int:
        self._check()
        bucket, key = _split(url)
        with _s3_errors():
            content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        if length is not None and length > len(content):
            raise scan_error(
                15001,
                "HTTP response error code: 416 Message: InvalidRange The requested range is not satisfiable, "
                f"File name: {self._address(url)}",
                self._query_id,
            )
        content = content[:length]
        if self._options.others.get("GZIP"):
            try:
                content = gzip.decompress(content)
            except (OSError, EOFError, zlib.error) as error:
                raise self._failed(url, f"the file is not in GZIP format: {error}") from error
        path.write_bytes(content)
        try:
            source = self._parquet(path, url) if self._options.format == "PARQUET" else self._text(path)
            into = ", ".join(quoted(column.name) for column in self._columns)
            done = self._connection.execute(f"INSERT INTO {self._target.quoted} ({into}) {source}").fetchall()
        except (duckdb.InterruptException, duckdb.ConstraintException, duckdb.TransactionException):
            raise
        except duckdb.Error as error:
            first = str(error).splitlines()[0].replace(str(path), url)
            if self._options.format == "PARQUET":
                raise scan_error(15001, f"{first}, File name: {self._address(url)}", self._query_id) from error
            raise self._failed(url, first) from error
        path.unlink()
        return int(done[0][0])

    def _failed(self, url: str, why: str) -> SqlError:
        return SqlError(
            f"Load into table '{self._target.name}' failed.  Check 'stl_load_errors' system table for details. "
            f"({url}: {why})"
        )

    def _parquet(self, path: Path, url: str) -> str:
        read = f"read_parquet('{path}', hive_partitioning = false)"
        found = self._connection.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()
        if len(found) != len(self._columns):
            raise scan_error(
                15007,
                "Unmatched number of columns between table and file. "
                f"Table columns: {len(self._columns)}, Data columns: {len(found)}, File name: {self._address(url)}",
                self._query_id,
            )
        for column, (name, stored, *_) in zip(self._columns, found, strict=True):
            if not column.type.reads_parquet(stored):
                raise scan_error(
                    15001,
                    f"File '{self._address(url)}' has an incompatible Parquet schema for column '{url}.{name}'. "
                    f"Column type: {column.type.name.upper()}, Parquet schema: optional {stored.lower()} {name}",
                    self._query_id,
                )
            if column.type.length is not None:
                [(longest,)] = self._connection.execute(f"SELECT max(strlen({quoted(name)})) FROM {read}").fetchall()
                if longest is not None and longest > column.type.length:
                    raise scan_error(
                        15001,
                        f"The length of the data column {name} is longer than the length defined in the table. "
                        f"Table: {column.type.length}, Data: {longest}, File name: {self._address(url)}",
                        self._query_id,
                    )
        # By position: what the columns of the file are called does not matter.
        return f"SELECT * FROM {read}"

    def _text(self, path: Path) -> str:
        others = self._options.others
        wanted = ", ".join(self._loaded(column) for column in self._columns)
        if self._options.format == "JSON":
            if others.get("IGNORECASE"):
                found = ", ".join(_of_any_case(column) for column in self._columns)
                return f"SELECT {wanted} FROM (SELECT {found} FROM read_json_objects('{path}'))"
            shape = ", ".join(f"{_literal(column.name)}: '{_read_as(column)}'" for column in self._columns)
            return f"SELECT {wanted} FROM read_json('{path}', columns = {{{shape}}})"
        csv = self._options.format == "CSV"
        quote = str(others.get("QUOTE", '"')) if csv else ""
        null = str(others.get("NULL", "\\N"))
        names = ", ".join(f"{_literal(column.name)}: 'VARCHAR'" for column in self._columns)
        arguments = [
            f"'{path}'",
            "header = false",
            "auto_detect = false",
            f"columns = {{{names}}}",
            f"delim = {_literal(str(others.get('DELIMITER', ',' if csv else '|')))}",
            f"quote = {_literal(quote)}",
            f"skip = {others.get('IGNOREHEADER', 0)}",
            f"nullstr = {_literal(null)}",
            f"null_padding = {'true' if others.get('FILLRECORD') else 'false'}",
        ]
        return f"SELECT {wanted} FROM read_csv({', '.join(arguments)})"

    def _loaded(self, column: Column) -> str:
        """A column of a text or JSON file, which is read as text, as the table has it."""
        others, name, kind = self._options.others, quoted(column.name), column.type
        if kind.is_string:
            value = f"rtrim({name}, ' ')" if others.get("TRIMBLANKS") and "varying" in kind.name else name
            if others.get("EMPTYASNULL"):
                value = f"nullif({value}, '')"
            if others.get("BLANKSASNULL"):
                value = f"CASE WHEN regexp_full_match({value}, '\\s+') THEN NULL ELSE {value} END"
            return f"redshift_cut({value}, {kind.length})" if others.get("TRUNCATECOLUMNS") and kind.length else value
        if kind.duckdb in ("JSON", "BLOB"):
            return name
        # Blank fields of other types are NULL.
        value = f"nullif(trim({name}), '')"
        if kind.duckdb == "DATE":
            value = self._moment(value, str(others.get("DATEFORMAT", "")), "redshift_iso_date({})")
        elif kind.duckdb.startswith("TIMESTAMP"):
            value = self._moment(value, str(others.get("TIMEFORMAT", "")), "{}")
        elif kind.duckdb in ("SMALLINT", "INTEGER", "BIGINT"):
            value = f"redshift_integer({value}, '{kind.name}')"
        elif kind.duckdb.startswith("DECIMAL") and not others.get("ROUNDEC"):
            # What is beyond the scale is cut off; with ROUNDEC it is rounded.
            value = f"redshift_truncated({value}, {kind.duckdb.rpartition(',')[2].rstrip(')').strip()})"
        return f"CAST({value} AS {kind.duckdb})"

    @staticmethod
    def _moment(value: str, given: str, otherwise: str) -> str:
        if given.lower() in ("epochsecs", "epochmillisecs"):
            seconds = "" if given.lower() == "epochsecs" else " / 1e3"
            return f"timezone('UTC', to_timestamp(CAST({value} AS DOUBLE){seconds}))"
        if given and given.lower() != "auto":
            return f"redshift_parse({value}, {_literal(formats.parsed(given))}, {_literal(given)})"
        return value if given else otherwise.format(value)

    def _address(self, url: str) -> str:
        bucket, key = _split(url)
        return f"https://s3.{self._database.cloud.region}.amazonaws.com/{bucket}/{key}"


def _read_as(column: Column) -> str:
    return column.type.duckdb if column.type.duckdb in ("JSON", "BLOB") else "VARCHAR"


def _of_any_case(column: Column) -> str:
    """A member of a JSON object, in whatever case its name is written."""
    name = _literal(column.name.lower())
    member = f"list_filter(json_keys(json), lambda k: lower(k) = {name})[1]"
    pointer = f"'/' || replace(replace({member}, '~', '~0'), '/', '~1')"
    read = "json_extract" if column.type.duckdb == "JSON" else "json_extract_string"
    return f"{read}(json, {pointer}) AS {quoted(column.name)}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _split(url: str) -> tuple[str, str]:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key


def _s3_error(error: ClientError) -> SqlError:
    details, meta = error.response["Error"], error.response.get("ResponseMetadata", {})
    status = meta.get("HTTPStatusCode", 0)
    return SqlError(
        f"S3ServiceException:{details.get('Message', '')},Status {status},Error {details.get('Code', '')},"
        f"Rid {meta.get('RequestId', '')},CanRetry {1 if status >= 500 else 0}"
    )


@contextlib.contextmanager
def _s3_errors() -> Iterator[None]:
    """Turns what S3 refuses into the database's error."""
    try:
        yield
    except ClientError as error:
        raise _s3_error(error) from error
    except BotoCoreError as error:
        raise SqlError(f"S3CurlException: {error}") from error
