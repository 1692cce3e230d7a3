"""What a run prints: progress, the table of the result, and one line of JSON."""

import json
import math
from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.demo.back_half import as_plain
from pipeline.demo.poison import Fate
from pipeline.demo.run import Result
from pipeline.trace import Traced

HOPS = {
    "POST /orders": "POST /orders → 202",
    "CallFunction": "workflow: external API",
    "WaitForCallback": "workflow: wait for details",
    "Write": "workflow: write to the table",
    "POST details": "POST details → 202",
    "GET /orders/{id}": "GET /orders/{id}",
}


def percentile(values: list[float], share: float) -> float:
    """The nearest-rank percentile of values that are there."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def show(console: Console, result: Result) -> None:
    """The result as tables."""
    counted, ledger = result.accounting, result.ledger
    latencies = Table(title="Latency per hop, in seconds", title_justify="left")
    for column in ("hop", "calls", "p50", "p95"):
        latencies.add_column(column, justify="left" if column == "hop" else "right")
    for hop, label in HOPS.items():
        if values := result.hops.get(hop):
            p50, p95 = percentile(values, 0.5), percentile(values, 0.95)
            latencies.add_row(label, str(len(values)), f"{p50:.3f}", f"{p95:.3f}")
    console.print(latencies)
    table = Table(title="Accounting", title_justify="left")
    table.add_column("what")
    table.add_column("orders", justify="right")
    for label, value in (
        ("accepted (202 in the client's ledger)", counted.accepted),
        ("executions started", counted.executions),
        ("duplicates suppressed", ledger.duplicates),
        ("reused keys refused (422)", ledger.refused),
        ("written (COMPLETED in the table)", counted.written),
        ("waiting for details", counted.waiting),
        ("in the dead-letter queue", counted.in_dlq),
        ("in the curated data (orders_current), once", counted.curated),
        ("in Redshift, once", counted.redshift),
        ("lost", counted.lost),
        ("doubled", counted.doubled),
        ("delivered, and nobody was told of it", counted.not_told),
        ("of these, the answer was lost on its way", counted.unanswered or None),
        ("not accepted (the client gave up)", len(ledger.given_up) or None),
    ):
        if value is not None:
            table.add_row(label, str(value))
    console.print(table)
    if result.behind is not None:
        console.print(f"Behind the table: {result.behind}")
    for queue, messages in result.dead_letters.items():
        if messages:
            console.print(f"[red]dead letters[/]: {messages} in {queue}")
    for name, ids in (
        ("lost", counted.lost_ids),
        ("doubled", counted.doubled_ids),
        ("not told", counted.not_told_ids),
    ):
        for id in ids[:5]:
            console.print(f"[red]{name}[/]: {id}")
    for line in ledger.unexpected[:5]:
        console.print(f"[red]unexpected answer[/]: {line}")
    if ok(result):
        behind = "" if counted.curated is None else "; what is written is in the curated data once"
        behind += "" if counted.redshift is None else ", and in Redshift"
        console.print(f"[green]In balance[/]: accepted = written + waiting + in the dead-letter queue{behind}.")
    else:
        console.print("[red]Out of balance.[/]")


def show_poison(console: Console, fates: list[Fate]) -> None:
    """What became of each kind of poison."""
    console.print("Poison: what it was, how often, what was answered, and what became of it")
    alike = Counter((fate.what, fate.answer, fate.became, fate.reason.partition("\n")[0][:160]) for fate in fates)
    for (what, answer, became, reason), times in sorted(alike.items()):
        line = f"  {what:<40} {times:>3} x {answer:<4} {became}" + (f": {reason}" if reason else "")
        console.print(line, markup=False)


def ok(result: Result) -> bool:
    """Whether the run adds up, nothing failed behind the table, and no answer was unexpected."""
    return result.accounting.balanced and not result.ledger.unexpected and not any(result.dead_letters.values())


def as_json(result: Result, seconds: dict[str, float], traced: Traced | None = None, **more: Any) -> str:
    """The result as one line of JSON, with the order that was traced, and what else a run has to say."""
    counted, ledger = result.accounting, result.ledger
    document: dict[str, Any] = {
        "accepted": counted.accepted,
        "executions": counted.executions,
        "written": counted.written,
        "waiting": counted.waiting,
        "in_dlq": counted.in_dlq,
        "lost": counted.lost,
        "doubled": counted.doubled,
        "not_told": counted.not_told,
        "unanswered": counted.unanswered,
        "not_accepted": len(ledger.given_up),
        "duplicates_suppressed": ledger.duplicates,
        "reused_keys_refused": ledger.refused,
        "unexpected": len(ledger.unexpected),
        "balanced": ok(result),
        "latency": {
            hop: {"calls": len(values), "p50": percentile(values, 0.5), "p95": percentile(values, 0.95)}
            for hop, values in sorted(result.hops.items())
            if values
        },
        "curated": counted.curated,
        "redshift": counted.redshift,
        **(as_plain(result.behind) if result.behind is not None else {}),
        **({"trace": json.loads(traced.as_json())} if traced is not None else {}),
        **more,
        "seconds": {phase: round(value, 2) for phase, value in seconds.items()},
    }
    return json.dumps(document)
