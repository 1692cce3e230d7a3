"""Follows one order through all hops: by one query over all log groups, and by what lies in the data.

The query is the saved one, by ids. Its lines lead to further ids (of requests, and of the batches that hold the order),
and the same query is asked for those until nothing new comes; AWS and the sandbox are asked alike.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError
from pulumi_aws_eda import log_queries
from rich.console import Console
from rich.table import Table

from pipeline import trace_segments
from pipeline.trace_lines import CLOSED, Hop, Ids, Line, Stage, hops
from pipeline.trace_segments import SeenTrace

DEFAULT_SINCE = timedelta(days=1)
"""How far back logs are read for an order that the table does not know."""
BEFORE_ORDER = timedelta(minutes=15)
"""How long before an order's row its first line may be."""
ROUNDS = 8
"""Queries that follow each other: an order leads to its objects, they to a load, and that to a refresh."""
QUERY_SECONDS = 300
FIRST_POLL, LAST_POLL = 0.1, 2.0


class TraceFailed(Exception):
    """The logs could not be read; the message says why."""


class End(StrEnum):
    """How far an order came."""

    DELIVERED = "delivered"
    """Its newest version is in all hops."""
    WAITING = "waiting"
    """A hop waits for something from outside, or for its time."""
    FAILED = "failed"
    """A hop failed for good."""
    STOPPED = "stopped"
    """Its last hop is done, and the next one has nothing of it: it is on its way, or lost; its age says which."""
    UNKNOWN = "unknown"
    """Nothing is known of it."""


@dataclass(frozen=True)
class Ended:
    """Where an order is.

    Attributes:
        end: how far it came.
        hop: the last hop that has it; None when none has.
        why: what is missing, or what failed.
    """

    end: End
    hop: str | None
    why: str


@dataclass(frozen=True)
class Traced:
    """An order's way.

    Attributes:
        id: what was asked for.
        ids: the order's own ids that were found.
        hops: in order.
        ended: where it is.
        lines: how many log lines tell of it.
        traces: what X-Ray has of it, in order.
    """

    id: str
    ids: tuple[str, ...]
    hops: tuple[Hop, ...]
    ended: Ended
    lines: int
    traces: tuple[SeenTrace, ...] = ()

    @property
    def suppressed(self) -> int:
        """Repeats that had no effect."""
        return sum(sum(hop.suppressed.values()) for hop in self.hops)

    def as_json(self) -> str:
        """One line of JSON."""
        return json.dumps(
            {
                "id": self.id,
                "ids": list(self.ids),
                "hops": [
                    {
                        "hop": hop.name,
                        "stage": hop.stage.name.lower(),
                        "begin": hop.begin.isoformat(),
                        "end": hop.end.isoformat(),
                        "calls": hop.calls,
                        "duration_ms": None if hop.duration_ms is None else round(hop.duration_ms, 1),
                        "suppressed": hop.suppressed,
                        "failures": hop.failures,
                        "detail": hop.detail,
                    }
                    for hop in self.hops
                ],
                "suppressed": self.suppressed,
                "ended": {"end": str(self.ended.end), "hop": self.ended.hop, "why": self.ended.why},
                "lines": self.lines,
                "traces": [trace.as_dict() for trace in self.traces],
            }
        )


Row = dict[str, Any]


class Trace:
    """Traces orders of a deployed pipeline.

    Args:
        client: makes a boto3 client of a service.
        outputs: the stack's exports.
        sleep: waits seconds.
    """

    def __init__(
        self,
        client: Callable[[str], Any],
        outputs: Mapping[str, Any],
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._client = client
        self._outputs = outputs
        self._sleep = sleep

    def run(self, id: str, since: timedelta | None = None, *, with_traces: bool = True) -> Traced:
        """Trace an order.

        Args:
            id: an order's id or a correlation id.
            since: how far back the logs are read; default: from the order's beginning, or a day where that is unknown.
            with_traces: X-Ray is asked, too.

        Raises:
            IdError: no log line can hold the id.
            TraceFailed: a query failed, or does not end.
        """
        log_queries.by_ids([id])
        ids = Ids(own={id})
        rows = self._orders(ids)
        lines = self._lines(ids, _begin(rows, since))
        rows |= self._orders(ids, known=rows)
        found = hops(lines)
        row = next(iter(rows.values()), None)
        data = _Data(self._client, self._outputs, self._sleep)
        found += data.hops(row, ids, any(hop.stage is Stage.LOAD for hop in found))
        found.sort(key=lambda hop: (hop.begin, hop.stage))
        ended = _ended(found, row, data, self._outputs)
        told = (trace for line in lines if (trace := line.get("xray_trace_id")) is not None)
        traces = trace_segments.seen(self._client, map(trace_segments.id_of, told)) if with_traces else ()
        return Traced(id, tuple(sorted(ids.own)), tuple(found), ended, len(lines), traces)

    def _orders(self, ids: Ids, known: Mapping[str, Row] | None = None) -> dict[str, Row]:
        """The orders' rows that are new; their correlation ids are theirs."""
        rows: dict[str, Row] = {}
        for id in sorted(ids.own - set(known or {})):
            row = _item(self._client("dynamodb"), self._outputs["orders_table_name"], "order_id", id)
            if row is not None:
                rows[id] = row
                ids.own.add(str(row["correlation_id"]))
        return rows

    def _lines(self, ids: Ids, begin: datetime) -> list[Line]:
        """All lines that tell of the order."""
        lines: dict[tuple[datetime, str, str], Line] = {}
        asked: set[str] = set()
        for _ in range(ROUNDS):
            new = sorted(ids.all() - asked)
            if not new:
                break
            asked |= set(new)
            for start in range(0, len(new), log_queries.MAX_IDS):
                for line in self._search(new[start : start + log_queries.MAX_IDS], begin):
                    lines[line.at, line.group, line.message] = line
            ids.follow(lines.values())
        return sorted((line for line in lines.values() if ids.tells(line)), key=lambda line: line.at)

    def _search(self, ids: Iterable[str], begin: datetime) -> list[Line]:
        logs = self._client("logs")
        started = logs.start_query(
            logGroupNames=self._outputs["log_group_names"],
            startTime=int(begin.timestamp()),
            endTime=int(time.time()) + 60,
            queryString=log_queries.by_ids(ids),
            limit=log_queries.MAX_RESULTS,
        )
        answer = _wait(
            lambda: logs.get_query_results(queryId=started["queryId"]), lambda found: found["status"], self._sleep
        )
        return [_line(row) for row in answer["results"]]


class _Data:
    """What the data knows of an order: its row, its objects, their queries, loads and refreshes."""

    def __init__(
        self, client: Callable[[str], Any], outputs: Mapping[str, Any], sleep: Callable[[float], object]
    ) -> None:
        self._client = client
        self._outputs = outputs
        self._sleep = sleep
        self.queries: list[Row] = []
        self.loads: list[Row] = []
        self.refreshes: list[Row] = []

    def hops(self, row: Row | None, ids: Ids, load_told: bool) -> list[Hop]:
        """The hops that only the data shows.

        Args:
            row: the order's row.
            ids: the order's, with its batches.
            load_told: the logs show the load.
        """
        found: list[Hop] = []
        if row is not None:
            begin, end = _time(row["created_at"]), _time(row["updated_at"])
            detail = f"{row['status']}, version {row['version']}"
            failures = {str(row["error"]): 1} if row["status"] == "FAILED" else {}
            found.append(Hop(Stage.TABLE, "table row", begin, end, 1, None, {}, failures, detail))
        self._read(ids)
        if raw := self._raw(row):
            found.append(raw)
        if self.loads and not load_told:
            found.append(_load_hop(self.loads))
        return found

    def _read(self, ids: Ids) -> None:
        dynamodb, table = self._client("dynamodb"), self._outputs["ledger_table_name"]
        for id in sorted(ids.batches):
            query = _item(dynamodb, table, "id", f"query#{id}")
            if query is not None:
                self.queries.append(query)
        for id in sorted({str(query["loaded_by"]) for query in self.queries if "loaded_by" in query}):
            load = _item(dynamodb, table, "id", id)
            if load is not None:
                self.loads.append(load)
        for load in self.loads:
            for data_set in self._outputs.get("spice_data_set_ids") or []:
                noted = _item(dynamodb, table, "id", f"spice#{data_set}#{load.get('statement_id')}")
                current = _item(dynamodb, table, "id", f"spice#{data_set}")
                if noted is not None:
                    self.refreshes.append({**noted, "running": self._runs(current, str(load["statement_id"]))})

    def _runs(self, current: Row | None, statement_id: str) -> bool:
        """Whether a data set's ingestion for a load still runs, or is yet to come."""
        if current is None or current.get("state") != "RUNNING":
            return False
        if statement_id != current["statement_id"]:
            return statement_id == current.get("dirty")
        # The ledger hears of the end by the next run of the reconciler.
        answer = self._client("quicksight").describe_ingestion(
            AwsAccountId=str(self._outputs["workflow_arn"]).split(":")[4],
            DataSetId=current["data_set_id"],
            IngestionId=current["ingestion_id"],
        )
        return bool(answer["Ingestion"]["IngestionStatus"] != "COMPLETED")

    def _raw(self, row: Row | None) -> Hop | None:
        s3, times = self._client("s3"), []
        for query in self.queries:
            try:
                found = s3.head_object(Bucket=query["bucket"], Key=query["key"])
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
                    raise
                # It has expired; its query began soon after it was written.
                times.append(_time(query["opened_at"]))
            else:
                times.append(found["LastModified"].astimezone(UTC))
        if not times:
            return None
        passed = None if row is None else 1000 * (max(times) - _time(row["updated_at"])).total_seconds()
        duration = passed if passed is not None and passed >= 0 else None
        return Hop(Stage.RAW, "raw objects", min(times), max(times), len(times), duration, detail="written")

    def curated_version(self, order_id: str) -> int:
        """The order's newest version in the curated files of its objects, which are all that is read; 0 for none.

        Raises:
            TraceFailed: Athena could not say.
        """
        paths = [str(file["path"]) for query in self.queries for file in json.loads(query.get("files", "[]"))]
        if not paths:
            return 0
        table = f'"{self._outputs["glue_database_name"]}"."{self._outputs["curated_table_name"]}"'
        where = f'order_id = {_literal(order_id)} AND "$path" IN ({", ".join(map(_literal, paths))})'
        athena = self._client("athena")
        started = athena.start_query_execution(
            QueryString=f"SELECT MAX(version) FROM {table} WHERE {where}",  # noqa: S608 - names of the stack, and literals
            WorkGroup=self._outputs["athena_workgroup_name"],
        )
        id = started["QueryExecutionId"]
        _wait(
            lambda: athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"],
            lambda status: status["State"],
            self._sleep,
        )
        rows = athena.get_query_results(QueryExecutionId=id)["ResultSet"]["Rows"]
        return int(rows[1]["Data"][0].get("VarCharValue") or 0)


def _load_hop(loads: list[Row]) -> Hop:
    begin = min(_time(load.get("opened_at") or load["settled_at"]) for load in loads)
    last = loads[-1]
    end = max(_time(load.get("settled_at") or load["opened_at"]) for load in loads)
    failures = {str(load["error"]): 1 for load in loads if "error" in load}
    detail = f"{last['state'].lower()}, statement {last.get('statement_id')}"
    duration = 1000 * (end - begin).total_seconds()
    return Hop(Stage.LOAD, "load", begin, end, len(loads), duration, {}, failures, detail)


def _ended(found: list[Hop], row: Row | None, data: _Data, outputs: Mapping[str, Any]) -> Ended:
    """Where an order is: the last hop that has its newest version, and what the next one lacks."""
    if row is None:
        if not found:
            return Ended(End.UNKNOWN, None, "no log line and no row has the id; look further back with --since")
        return Ended(End.STOPPED, found[-1].name, "the table has no row of it")
    at_table, at_raw, at_query, at_load, at_refresh = (
        next((hop.name for hop in reversed(found) if hop.stage is stage), stage.name.lower())
        for stage in (Stage.TABLE, Stage.RAW, Stage.QUERY, Stage.LOAD, Stage.REFRESH)
    )
    if row["status"] == "FAILED":
        return Ended(End.FAILED, at_table, f"the workflow failed: {row['error']}; see the dead-letter queue")
    workflow = next((hop for hop in found if hop.stage is Stage.WORKFLOW), None)
    if row["status"] != "COMPLETED" and workflow is not None and workflow.detail in CLOSED.values():
        return Ended(End.STOPPED, workflow.name, f"the workflow {workflow.detail}, and the row is {row['status']}")
    if row["status"] == "AWAITING_DETAILS":
        return Ended(End.WAITING, at_table, "the workflow waits for the order's details")
    if row["status"] == "PENDING":
        return Ended(End.WAITING, at_table, "the workflow's first step is not done")
    for query in data.queries:
        if query["state"] != "SUCCEEDED":
            end = End.FAILED if query["state"] == "FAILED" else End.WAITING
            return Ended(end, at_raw, f"the query of {query['key']} is {query['state']}")
    version = data.curated_version(str(row["order_id"]))
    if version < int(row["version"]):
        age = (datetime.now(UTC) - _time(row["updated_at"])).total_seconds()
        has = f"have version {version} of it, not {row['version']}" if version else "have nothing of it"
        return Ended(End.STOPPED, at_table, f"the curated files {has}; the row changed {age:.0f} s ago")
    if not outputs.get("redshift_workgroup_name"):
        return Ended(End.DELIVERED, at_query, "its newest version is in the curated files; there is no warehouse")
    unloaded = [query for query in data.queries if "loaded_by" not in query]
    if unloaded:
        return Ended(End.WAITING, at_query, f"{len(unloaded)} of its curated files wait for the next load")
    for load in data.loads:
        if load["state"] != "SUCCEEDED":
            end = End.FAILED if load["state"] == "FAILED" else End.WAITING
            return Ended(end, at_load, f"the load {load['id']} is {load['state']}")
    if not outputs.get("spice_data_set_ids"):
        return Ended(End.DELIVERED, at_load, "its newest version is in the warehouse; there are no dashboards")
    failed = [refresh for refresh in data.refreshes if refresh["state"] == "FAILED"]
    if failed:
        return Ended(End.FAILED, at_load, f"the refresh of {failed[0]['data_set_id']} failed: {failed[0]['error']}")
    if not data.refreshes:
        return Ended(End.STOPPED, at_load, "no refresh has taken note of the load")
    if any(refresh["running"] for refresh in data.refreshes):
        return Ended(End.WAITING, at_load, "the refresh runs")
    return Ended(End.DELIVERED, at_refresh, "its newest version is in the table, the warehouse and the data sets")


def show(console: Console, traced: Traced) -> None:
    """Print an order's way as a timeline."""
    table = Table(title=f"Order {traced.id}", title_justify="left")
    for name, side in (("after", "right"), ("hop", "left"), ("calls", "right"), ("took", "right"), ("what", "left")):
        table.add_column(name, justify=side, no_wrap=name != "what")  # type: ignore[arg-type]  # rich's literal
    for hop in traced.hops:
        after = (hop.begin - traced.hops[0].begin).total_seconds()
        took = "" if hop.duration_ms is None else f"{hop.duration_ms / 1000:.3f} s"
        said = [hop.detail] if hop.detail else []
        said += [f"{count} x {what} suppressed" for what, count in hop.suppressed.items()]
        said += [f"[red]{count} x {what}[/]" for what, count in hop.failures.items()]
        table.add_row(f"+{after:.3f} s", hop.name, str(hop.calls), took, "; ".join(said))
    console.print(table)
    if traced.traces:
        console.print(
            trace_segments.table(traced.traces, traced.hops[0].begin if traced.hops else traced.traces[0].begin)
        )
    color = {End.DELIVERED: "green", End.WAITING: "yellow"}.get(traced.ended.end, "red")
    where = f" after {traced.ended.hop}" if traced.ended.hop else ""
    console.print(
        f"[{color}]{str(traced.ended.end).capitalize()}[/]{where}: {traced.ended.why}. "
        f"{traced.lines} log lines, {traced.suppressed} duplicates suppressed.",
        soft_wrap=not console.is_terminal,
    )


def _wait(ask: Callable[[], Any], state: Callable[[Any], str], sleep: Callable[[float], object]) -> Any:
    """Ask until a query has succeeded; the last answer.

    Raises:
        TraceFailed: it failed, or takes too long.
    """
    deadline, pause = time.monotonic() + QUERY_SECONDS, FIRST_POLL
    while True:
        answer = ask()
        found = state(answer).lower()
        if found in ("complete", "succeeded"):
            return answer
        if found not in ("scheduled", "running", "queued"):
            raise TraceFailed(f"a query is {found}")
        if time.monotonic() > deadline:
            raise TraceFailed(f"a query runs longer than {QUERY_SECONDS} seconds")
        sleep(pause)
        pause = min(1.5 * pause, LAST_POLL)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _begin(rows: Mapping[str, Row], since: timedelta | None) -> datetime:
    if since is not None:
        return datetime.now(UTC) - since
    if rows:
        return min(_time(row["created_at"]) for row in rows.values()) - BEFORE_ORDER
    return datetime.now(UTC) - DEFAULT_SINCE


def _item(dynamodb: Any, table: str, key: str, id: str) -> Row | None:
    found = dynamodb.get_item(TableName=table, Key={key: {"S": id}}, ConsistentRead=True).get("Item")
    return {name: next(iter(value.values())) for name, value in found.items()} if found else None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def _line(row: list[dict[str, str]]) -> Line:
    cells = {cell["field"]: cell["value"] for cell in row}
    at = datetime.strptime(cells["@timestamp"], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
    return Line.of(at, cells["@log"].partition(":")[2], cells["@message"])
