"""The scheduled load, a Glue Python shell job (Python 3.9): loads the objects that wait into Redshift.

Ends with 0 when they are loaded, or none waits, or the slot was loaded before; with 1 and a message when not.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.config import Config
from eda_runtime.dead_letters import DeadLetters
from eda_runtime.ledger import Ledger
from eda_runtime.load_statements import LoadArgumentError, Target
from eda_runtime.redshift_load import Load, LoadFailed, StillRunning, load_id

_RECORD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """A log record as one line of JSON, with the keys the functions' lines have."""

    def __init__(self, **keys: str) -> None:
        super().__init__()
        self._keys = keys

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "level": record.levelname,
            "message": record.getMessage(),
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            **self._keys,
            **{name: value for name, value in record.__dict__.items() if name not in _RECORD},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The job's arguments; Glue adds some of its own, which are left aside."""
    parser = argparse.ArgumentParser(description="Load the objects that wait into Redshift.", allow_abbrev=False)
    for name, meaning in (
        ("scheduled_time", "the slot, RFC 3339 in UTC"),
        ("ledger_table", "the analytics ledger"),
        ("dataset", "the data set"),
        ("manifest_location", "s3://bucket/prefix/ of the manifests"),
        ("workgroup_name", "the Redshift Serverless workgroup"),
        ("database", "its database"),
        ("schema", "of the target"),
        ("table", "the target"),
        ("key", "the column that names a row"),
        ("version_column", "the column that grows with each change"),
        ("copy_role_arn", "the role with which COPY reads"),
        ("statement_prefix", "of the statements' names"),
        ("dead_letter_queue_url", "the queue for objects that no load can take"),
        ("region", "the AWS region"),
    ):
        parser.add_argument(f"--{name}", required=True, help=meaning)
    parser.add_argument("--columns", required=True, type=_columns, help="JSON: [[name, Redshift type], ...]")
    parser.add_argument(
        "--awaits_refresh", choices=("true", "false"), default="false", help="data sets are refreshed after a load"
    )
    parser.add_argument("--max_attempts", type=int, default=3, help="of one slot in one run")
    return parser.parse_known_args(argv)[0]


def _columns(text: str) -> tuple[tuple[str, str], ...]:
    try:
        return tuple((str(name), str(kind)) for name, kind in json.loads(text))
    except (ValueError, TypeError):
        raise argparse.ArgumentTypeError("it must be JSON: [[name, Redshift type], ...]") from None


def main(argv: Sequence[str]) -> str | None:
    """Load one slot.

    Returns:
        None when it is loaded, else what went wrong.
    """
    given = arguments(argv)
    handler = logging.StreamHandler(sys.stdout)
    # The batch's own id; the orders' ids are those that its objects are joined to.
    batch = load_id(given.dataset, given.scheduled_time)
    keys = {"service": "load-job", "correlation_id": batch, "dataset": given.dataset, "slot": given.scheduled_time}
    handler.setFormatter(JsonLines(**keys))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("boto3", "botocore", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    log = logging.getLogger("load_job")
    config = Config(region_name=given.region, retries={"mode": "standard", "total_max_attempts": 8})
    try:
        target = Target(
            workgroup_name=given.workgroup_name,
            database=given.database,
            schema=given.schema,
            table=given.table,
            columns=given.columns,
            key=given.key,
            version_column=given.version_column,
            copy_role_arn=given.copy_role_arn,
            statement_prefix=given.statement_prefix,
        )
        ledger = Ledger(boto3.client("dynamodb", config=config), given.ledger_table)
        load = Load(
            ledger=ledger,
            redshift_data=boto3.client("redshift-data", config=config),
            s3=boto3.client("s3", config=config),
            target=target,
            dataset=given.dataset,
            manifest_location=given.manifest_location,
            dead_letters=DeadLetters(ledger, boto3.client("sqs", config=config), given.dead_letter_queue_url, log),
            awaits_refresh=given.awaits_refresh == "true",
            max_attempts=given.max_attempts,
        )
        rows = load.run(given.scheduled_time)
    except (LoadArgumentError, LoadFailed, StillRunning) as error:
        log.error("not loaded", extra={"error": str(error)})
        return f"not loaded: {error}"
    for row in rows:
        extra = {
            "load": row["id"],
            "attempt": row["attempt"],
            "objects": len(json.loads(row["objects"])),
            "statement_id": row.get("statement_id"),
        }
        log.info("loaded", extra=extra)
    return None


if __name__ == "__main__":
    failure = main(sys.argv[1:])
    if failure is not None:
        sys.exit(failure)
