"""How fast this machine is: ``python -m bench.machine``.

A fixed piece of work on one core, of what the measurements here consist of: Python itself, JSON, hashes, compression,
SQLite in memory. It has no input but itself, so its seconds are the machine's (and the interpreter's). The score is
what one core of the machine that is named in ``docs/explanation/benchmarks.md`` would have at 100.

Prints seconds and score, the least CPU time of the rounds, and with ``--json`` one object in the last line, with the
share of the wall clock's time that the work got: below 0.9 something else ran.
"""

import hashlib
import json
import os
import platform
import sqlite3
import sys
import time
import zlib
from typing import Annotated, Any

import typer

REFERENCE_SECONDS = 0.5
"""Of the work that scores 100."""
ORDERS = 20_000


def work() -> str:
    """The piece of work; its result is the same everywhere."""
    rows = [
        {"order_id": f"{number:032x}", "quantity": number % 7, "price": number / 8, "tags": ["a", "b", str(number)]}
        for number in range(ORDERS)
    ]
    digest = hashlib.sha256()
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE orders (id TEXT PRIMARY KEY, quantity INTEGER, document TEXT)")
        for row in rows:
            text = json.dumps(row, sort_keys=True)
            digest.update(text.encode())
            assert json.loads(text) == row
            database.execute("INSERT INTO orders VALUES (?, ?, ?)", (row["order_id"], row["quantity"], text))
        found: list[Any] = database.execute(
            "SELECT quantity, count(*), max(document) FROM orders GROUP BY quantity ORDER BY quantity"
        ).fetchall()
    database.close()
    digest.update(zlib.decompress(zlib.compress(json.dumps(found).encode() * 50, 6)))
    primes = [True] * 2_000_000
    for number in range(2, 1415):
        if primes[number]:
            for multiple in range(number * number, len(primes), number):
                primes[multiple] = False
    digest.update(str(sum(primes)).encode())
    return digest.hexdigest()


def measured(rounds: int = 7) -> dict[str, Any]:
    """The machine and its seconds."""
    least, share = float("inf"), 0.0
    for _ in range(rounds):
        wall, begin = time.perf_counter(), time.process_time()
        work()
        taken = time.process_time() - begin
        least, share = min(least, taken), max(share, taken / (time.perf_counter() - wall))
    return {
        "seconds": round(least, 4),
        "score": round(100 * REFERENCE_SECONDS / least, 1),
        "share": round(min(share, 1.0), 2),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": sys.platform,
    }


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often the work is done.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object in the last line.")] = False,
) -> None:
    """Measure."""
    found = measured(rounds)
    print(f"{found['seconds']:.3f} s, score {found['score']:g}, {found['cores']} cores, Python {found['python']}")
    if as_json:
        print(json.dumps(found))


if __name__ == "__main__":
    typer.run(main)
