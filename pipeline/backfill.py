"""Queries the raw objects of a time range again: those that were never queried, those that failed, and the others anew.

Safe to run twice and to stop at any point: under one name an object is queried anew once, and its earlier files are
deleted when the new ones are there.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Requested:
    """What became of one object or message.

    Attributes:
        what: the object's key, or the message's id.
        outcome: ``started``, ``nothing to do``, or why it was not.
        done: whether the function took it.
    """

    what: str
    outcome: str
    done: bool = True


@dataclass(frozen=True)
class QueryFunction:
    """The function that starts the queries, called as it is by events.

    Args:
        lambda_: a Lambda client.
        name: the function's name.
    """

    lambda_: Any
    name: str

    def call(self, what: str, event: Mapping[str, Any]) -> Requested:
        """Give it an event and wait for its answer."""
        answer = self.lambda_.invoke(FunctionName=self.name, Payload=json.dumps(event).encode())
        given = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            return Requested(what, f"failed: {given.get('errorType')}: {given.get('errorMessage')}", done=False)
        return Requested(what, given["outcome"])


def request(bucket: str, key: str, version_id: str, backfill: str | None = None) -> dict[str, Any]:
    """The event that asks for an object's query.

    Args:
        bucket: the object's bucket.
        key: its key.
        version_id: its version, or its entity tag in a bucket without versions.
        backfill: names the backfill, under which what succeeded is queried anew once.
    """
    detail: dict[str, Any] = {"bucket": {"name": bucket}, "object": {"key": key, "version-id": version_id}}
    if backfill is not None:
        detail["backfill"] = backfill
    return {"source": "eda.pipeline", "detail-type": "Object Query Requested", "detail": detail}


class Backfill:
    """Asks for the queries of the raw objects of a time range.

    Args:
        client: gives a client of a service, boto3's name.
        outputs: the stack's exports.
    """

    def __init__(self, client: Callable[[str], Any], outputs: Mapping[str, Any]) -> None:
        self._s3 = client("s3")
        self._function = QueryFunction(client("lambda"), outputs["query_function_name"])
        table = client("glue").get_table(DatabaseName=outputs["glue_database_name"], Name=outputs["raw_table_name"])
        location = table["Table"]["StorageDescriptor"]["Location"].removeprefix("s3://")
        self._bucket, _, prefix = location.partition("/")
        self._prefix = f"{prefix.rstrip('/')}/"

    def run(self, start: datetime, end: datetime, name: str) -> Iterator[Requested]:
        """Ask for them, one at a time; that there are none is not done.

        Args:
            start: the first hour, by the time at which Firehose began the object.
            end: the hour that is no longer taken.
            name: of the backfill; what was queried under it is left alone.
        """
        hour, found = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0), False
        while hour < end:
            for key, version_id in self._objects(f"{self._prefix}dt={hour:%Y-%m-%d}/hour={hour:%H}/"):
                found = True
                yield self._function.call(key, request(self._bucket, key, version_id, name))
            hour += timedelta(hours=1)
        if not found:
            where = f"s3://{self._bucket}/{self._prefix}"
            yield Requested(where, "no object lies there in these hours", done=False)

    def _objects(self, prefix: str) -> Iterator[tuple[str, str]]:
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)
        for page in pages:
            for found in page.get("Versions", []):
                if found["IsLatest"] and found["Size"]:
                    version = found.get("VersionId", "null")
                    # In a bucket without versions an object is known by its entity tag, as in S3's events.
                    yield found["Key"], found["ETag"].strip('"') if version == "null" else version
