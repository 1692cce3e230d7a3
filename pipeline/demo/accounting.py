"""The invariant, counted: accepted = written, still waiting, or in a dead-letter queue; nothing else, nothing twice,
and nothing that nobody was told of.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.demo.back_half import OrderRow

WAITING = frozenset({"PENDING", "AWAITING_DETAILS"})


@dataclass(frozen=True)
class Accounting:
    """The result of a count.

    Attributes:
        accepted: orders that the API acknowledged.
        executions: accepted orders for which an execution of the workflow was started.
        written: accepted orders that the table holds as completed.
        waiting: accepted orders whose execution still runs.
        in_dlq: accepted orders that failed and lie in the dead-letter queue.
        lost: accepted orders that are nowhere.
        doubled: orders that are there more than once.
        not_told: orders that were delivered or are under way although nobody was told that they are accepted.
        unanswered: those of them of which an answer was lost on its way to the client.
        curated: written orders that the curated data shows once, in the table's version; None when it is not counted.
        redshift: the same in the warehouse.
    """

    accepted: int
    executions: int
    written: int
    waiting: int
    in_dlq: int
    lost: int
    doubled: int
    not_told: int = 0
    unanswered: int = 0
    lost_ids: tuple[str, ...] = ()
    doubled_ids: tuple[str, ...] = ()
    not_told_ids: tuple[str, ...] = ()
    curated: int | None = None
    redshift: int | None = None

    @property
    def balanced(self) -> bool:
        """Whether the invariant holds."""
        return (
            self.lost == 0
            and self.doubled == 0
            and self.not_told == self.unanswered
            and self.executions == self.accepted
            and self.accepted == self.written + self.waiting + self.in_dlq
            and self.curated in (None, self.written)
            and self.redshift in (None, self.written)
        )


def account(
    accepted: Iterable[str],
    rows: Iterable[Mapping[str, Any]],
    running: Iterable[str],
    closed: Iterable[str],
    in_dlq: Iterable[str],
    curated: Iterable[OrderRow] | None = None,
    warehouse: Iterable[OrderRow] | None = None,
    unanswered: Iterable[str] = (),
) -> Accounting:
    """Count.

    Args:
        accepted: the order ids in the client's ledger.
        rows: the orders table, each row with ``order_id``, ``status`` and ``correlation_id``; one without a
            ``version`` is no order yet.
        running: names of the running executions; a name is the order's id, after a redrive with its version.
        closed: names of the closed executions.
        in_dlq: order ids of the messages in the dead-letter queue.
        curated: the current rows of the curated data; None when they are not counted.
        warehouse: the rows in Redshift; None when they are not counted.
        unanswered: keys of requests whose client gave up, and of which an answer was lost on its way.
    """
    wanted = set(accepted)
    by_id = {str(row["order_id"]): row for row in rows if "version" in row}
    per_correlation = Counter(str(row.get("correlation_id")) for row in by_id.values())
    # A redriven order has a second execution, whose name is its id and a version.
    running_ids = {name.partition("-")[0] for name in running}
    started = running_ids | {name.partition("-")[0] for name in closed}
    dlq_ids = set(in_dlq)
    written = {id for id in wanted if by_id.get(id, {}).get("status") == "COMPLETED"}
    waiting = {id for id in wanted - written if id in running_ids and by_id.get(id, {}).get("status") in WAITING}
    dead = wanted & dlq_ids - written - waiting
    lost = wanted - written - waiting - dead
    # A copy of an order has a key of its own, but it still carries the order's correlation id.
    known = {str(by_id[id].get("correlation_id")) for id in wanted & set(by_id)}
    doubled = {id for id, row in by_id.items() if id not in wanted and str(row.get("correlation_id")) in known}
    not_told = (set(by_id) | running_ids) - wanted - doubled
    doubled |= (written & dlq_ids) | (waiting & dlq_ids)
    copies = sum(count - 1 for count in per_correlation.values())
    versions = {id: int(by_id[id]["version"]) for id in written}
    places = {name: list(rows) for name, rows in (("curated", curated), ("redshift", warehouse)) if rows is not None}
    for found in places.values():
        doubled |= {id for id, count in Counter(row.order_id for row in found).items() if count > 1}
        not_told |= {row.order_id for row in found} - wanted - doubled
    return Accounting(
        accepted=len(wanted),
        executions=len(started & wanted),
        written=len(written),
        waiting=len(waiting),
        in_dlq=len(dead),
        lost=len(lost),
        doubled=max(len(doubled), copies),
        not_told=len(not_told),
        unanswered=len(not_told & {_order_id(row["tenant"], key) for row in by_id.values() for key in unanswered}),
        lost_ids=tuple(sorted(lost)),
        doubled_ids=tuple(sorted(doubled)),
        not_told_ids=tuple(sorted(not_told)),
        **{name: len(delivered(found, versions)) for name, found in places.items()},
    )


def _order_id(tenant: str, key: str) -> str:
    """What admission makes of a caller and a key."""
    return hashlib.sha256(f"{tenant}|{key}".encode()).hexdigest()


def delivered(rows: Iterable[OrderRow], versions: Mapping[str, int]) -> set[str]:
    """The orders that a place behind the table holds exactly once, in the version that the table has.

    Args:
        rows: what the place holds.
        versions: the table's version of each order that counts.
    """
    found = list(rows)
    counts = Counter(row.order_id for row in found)
    return {row.order_id for row in found if counts[row.order_id] == 1 and versions.get(row.order_id) == row.version}
