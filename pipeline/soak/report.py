"""What was injected, where and how often."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

WIDTH = 150


def show_injected(to: Console, counts: Mapping[str, Mapping[str, int]]) -> None:
    """The table of what was injected: an edge a line, a kind a column."""
    if not counts:
        to.print("Nothing was injected.")
        return
    kinds = sorted({kind for found in counts.values() for kind in found})
    table = Table(title="Injected", title_justify="left")
    table.add_column("edge", no_wrap=True)
    for kind in [*kinds, "all"]:
        table.add_column(kind, justify="right")
    for edge, found in sorted(counts.items()):
        table.add_row(edge, *(str(found.get(kind, "")) for kind in kinds), str(sum(found.values())))
    every = [sum(found.get(kind, 0) for found in counts.values()) for kind in kinds]
    table.add_section()
    table.add_row("all", *map(str, every), str(sum(every)))
    to.print(table)


def console(*, stderr: bool) -> Console:
    """Where a soak tells of itself; wide enough for the table where no terminal says how wide it is."""
    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=WIDTH)


def show_done(to: Console, done: Mapping[str, int]) -> None:
    """What reconcilers and redrives did."""
    for what, number in sorted(done.items()):
        to.print(f"  {number:>5}  {what}")


def show_edges(to: Console, edges: Mapping[str, int]) -> None:
    """The calls that the pipeline makes, and how often each came."""
    to.print(f"{len(edges)} edges:")
    for edge, number in sorted(edges.items()):
        to.print(f"  {number:>6}  {edge}", markup=False, soft_wrap=True)
