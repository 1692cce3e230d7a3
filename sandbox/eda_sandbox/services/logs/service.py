"""The API of CloudWatch Logs Insights."""

import logging
import threading
import time
import uuid
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.log_events import kept
from eda_sandbox.foundation.pages import start
from eda_sandbox.foundation.service import Service
from eda_sandbox.services.logs.offered import OFFERED
from eda_sandbox.services.logs.query import DEFAULT_ROWS, MAX_ROWS, Query, parse
from eda_sandbox.services.logs.values import Event, Row, shown

MAX_GROUPS = 50
"""Log groups of one query (StartQuery)."""
PAGE_ROWS = 10_000
"""Rows of one answer of ``GetQueryResults``."""
MAX_DEFINITIONS = 1_000
"""Saved queries of a region (CloudWatch Logs quotas)."""
log = logging.getLogger(__name__)


@dataclass
class Run:
    """One run of a query.

    Attributes:
        id: its id.
        text: the query as it was sent.
        query: the query.
        groups: the log groups.
        start: first second, since the epoch.
        end: last second.
        limit: rows at most.
        caller: who asked.
    """

    id: str
    text: str
    query: Query
    groups: list[str]
    start: int
    end: int
    limit: int
    caller: str
    status: str = "Running"
    created: int = field(default_factory=lambda: int(time.time() * 1000))
    rows: list[Row] = field(default_factory=list)
    statistics: dict[str, float] = field(default_factory=dict)


class Logs(Service):
    """Queries and saved queries; log groups, streams and events stay with the emulator."""

    name = "logs"
    offered = OFFERED
    leaves_rest = True

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._definitions: dict[str, dict[str, Any]] = {}

    def resource_arns(self, operation: str, request: dict[str, Any]) -> list[str]:
        """The log groups of a query; all else is allowed on everything or nothing."""
        if operation != "StartQuery":
            return ["*"]
        return [self.cloud.arn("logs", f"log-group:{name}:*") for name in _groups(request)] or ["*"]

    def start_query(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """StartQuery."""
        if request.get("queryLanguage", "CWLI") != "CWLI":
            raise _invalid("the sandbox offers the query language CWLI alone")
        groups = _groups(request)
        if not 1 <= len(groups) <= MAX_GROUPS:
            raise _invalid(f"{len(groups)} log groups are given; a query takes 1 to {MAX_GROUPS}")
        if request["startTime"] > request["endTime"]:
            raise _invalid("End time should not be less than start time.")
        query = parse(request["queryString"])
        logs = self.cloud.client("logs")
        for name in groups:
            found = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
            if name not in [group["logGroupName"] for group in found]:
                raise AwsError("ResourceNotFoundException", f"Log group '{name}' does not exist for account ID")
        run = Run(
            str(uuid.uuid4()),
            request["queryString"],
            query,
            groups,
            request["startTime"],
            request["endTime"],
            min(request.get("limit", DEFAULT_ROWS), MAX_ROWS),
            caller.arn,
        )
        with self._lock:
            self._runs[run.id] = run
        self.cloud.spawn(lambda: self._work(run), f"logs-query-{run.id}")
        return {"queryId": run.id}

    def get_query_results(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetQueryResults; a query that runs has no rows yet."""
        run = self._run(request["queryId"])
        begin = start(request.get("nextToken"), "InvalidParameterException", "nextToken")
        end = begin + (request.get("maxItems") or PAGE_ROWS)
        answer: dict[str, Any] = {
            "queryLanguage": "CWLI",
            "status": run.status,
            "statistics": {"recordsMatched": 0.0, "recordsScanned": 0.0, "bytesScanned": 0.0, **run.statistics},
            "results": [self._shown(run.query, found) for found in run.rows[begin:end]],
        }
        return answer | ({"nextToken": str(end)} if len(run.rows) > end else {})

    def stop_query(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """StopQuery."""
        run = self._run(request["queryId"])
        with self._lock:
            if run.status != "Running":
                raise _invalid("The query specified is already completed or cancelled")
            run.status = "Cancelled"
        return {"success": True}

    def describe_queries(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeQueries, the newest first."""
        with self._lock:
            runs = list(self._runs.values())
        found = [
            {
                "queryLanguage": "CWLI",
                "queryId": run.id,
                "queryString": run.text,
                "status": run.status,
                "createTime": run.created,
                "logGroupName": run.groups[0],
                "userIdentity": run.caller,
            }
            for run in reversed(runs)
            if request.get("status", run.status) == run.status
            and ("logGroupName" not in request or request["logGroupName"] in run.groups)
            and request.get("queryLanguage", "CWLI") == "CWLI"
        ]
        page, more = _page(found, request)
        return {"queries": page, **more}

    def put_query_definition(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """PutQueryDefinition; with the id of one that exists, it is replaced."""
        if request.get("queryLanguage", "CWLI") != "CWLI" or request.get("parameters"):
            raise _invalid("the sandbox offers saved queries in the language CWLI and without parameters")
        parse(request["queryString"])
        with self._lock:
            id = request.get("queryDefinitionId") or str(uuid.uuid4())
            if "queryDefinitionId" in request and id not in self._definitions:
                raise _unknown("query definition")
            if id not in self._definitions and len(self._definitions) >= MAX_DEFINITIONS:
                raise AwsError("LimitExceededException", f"there are {MAX_DEFINITIONS} query definitions already")
            names = ("name", "queryString", "logGroupNames")
            kept: dict[str, Any] = {name: request[name] for name in names if name in request}
            self._definitions[id] = {
                "queryDefinitionId": id,
                "queryLanguage": "CWLI",
                "lastModified": int(time.time() * 1000),
                **kept,
            }
        return {"queryDefinitionId": id}

    def describe_query_definitions(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeQueryDefinitions, by name."""
        prefix = request.get("queryDefinitionNamePrefix", "")
        with self._lock:
            kept = sorted(self._definitions.values(), key=lambda found: str(found["name"]))
        page, more = _page([found for found in kept if found["name"].startswith(prefix)], request)
        return {"queryDefinitions": page, **more}

    def delete_query_definition(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteQueryDefinition."""
        with self._lock:
            if self._definitions.pop(request["queryDefinitionId"], None) is None:
                raise _unknown("query definition")
        return {"success": True}

    def _work(self, run: Run) -> None:
        try:
            events = [event for name in run.groups for event in self._events(name, run.start, run.end)]
        except KeyError:
            log.info("the query %s failed: one of its log groups is deleted", run.id)
            self._end(run, "Failed")
            return
        try:
            events.sort(key=lambda event: event.timestamp, reverse=True)
            rows, matched = run.query.run(events, run.limit)
            statistics = {
                "recordsMatched": float(matched),
                "recordsScanned": float(len(events)),
                "bytesScanned": float(sum(len(str(event["@message"]).encode()) for event in events)),
                "logGroupsScanned": float(len(run.groups)),
            }
        except Exception:
            log.exception("the query %s failed in the sandbox", run.id)
            self._end(run, "Failed")
        else:
            run.rows, run.statistics = rows, statistics
            self._end(run, "Complete")

    def _end(self, run: Run, status: str) -> None:
        with self._lock:
            if run.status == "Running":
                run.status = status
            else:
                run.rows = []

    def _events(self, group: str, start: int, end: int) -> Iterator[Event]:
        """A group's events from one second to another, both included."""
        log_group = f"{self.cloud.account}:{group}"
        for stream, event in kept(group, start * 1000, end * 1000 + 999):
            name = f"{group}/{stream}/{event.id}"
            yield Event(
                event.message,
                event.timestamp,
                event.ingested,
                log_group,
                stream,
                b64encode(name.encode()).decode(),
            )

    def _shown(self, query: Query, found: Row) -> list[dict[str, str]]:
        names = [*query.shown, "@ptr"] if query.of_events else query.shown
        return [
            {"field": name, "value": shown(name, found[name])}
            for name in dict.fromkeys(names)
            if found.get(name) is not None
        ]

    def _run(self, id: str) -> Run:
        with self._lock:
            run = self._runs.get(id)
        if run is None:
            raise _unknown("query")
        return run


def _groups(request: dict[str, Any]) -> list[str]:
    """The names of a query's log groups, however they are given.

    Raises:
        AwsError: they are given in two ways.
    """
    given = [name for name in ("logGroupName", "logGroupNames", "logGroupIdentifiers") if name in request]
    if len(given) > 1:
        raise _invalid(f"{' and '.join(given)} are given; give one of them")
    if not given:
        return []
    found = request[given[0]]
    names = [found] if isinstance(found, str) else found
    return list(dict.fromkeys(name.partition(":log-group:")[2] or name for name in names))


def _page(found: list[dict[str, Any]], request: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    begin = start(request.get("nextToken"), "InvalidParameterException", "nextToken")
    end = begin + request.get("maxResults", 1000)
    return found[begin:end], {"nextToken": str(end)} if len(found) > end else {}


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def _unknown(what: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"The specified {what} does not exist.")
