"""The table and the numbers of a run."""

from collections import Counter
from collections.abc import Sequence

from rich.table import Table

from eda_sandbox.conformance.running import Outcome

RESULTS = ("equal", "refused", "different")


def counted(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many were tried, and what came of them."""
    found: Counter[str] = Counter(outcome.result for outcome in outcomes)
    return {"tried": len(outcomes), **{result: found[result] for result in RESULTS}}


def by_service(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """The same for each service."""
    services = sorted({outcome.case.service for outcome in outcomes})
    return {name: counted([one for one in outcomes if one.case.service == name]) for name in services}


def told(outcome: Outcome) -> str:
    """A case that is not equal, or is not what it says, in lines for a reader."""
    case = outcome.case
    said = {"refused": case.refused, "different": case.differs}.get(outcome.result)
    if outcome.result == "equal":
        return f"{case.id}: equal, though the case says: {case.refused or case.differs}"
    lines = [f"{case.id}: {outcome.result}" + (f", because {said}" if said else ""), *outcome.why]
    return "\n  ".join(lines if said else [*lines, f"source: {case.source}"])


def table(outcomes: Sequence[Outcome]) -> Table:
    """A row for each service, and one for all."""
    made = Table("Service", *(name.capitalize() for name in ("tried", *RESULTS)), show_footer=True)
    everything = counted(outcomes)
    made.columns[0].footer = "All"
    for column, name in zip(made.columns[1:], ("tried", *RESULTS), strict=True):
        column.justify = "right"
        column.footer = str(everything[name])
    for service, numbers in by_service(outcomes).items():
        made.add_row(service, *(str(numbers[name]) for name in ("tried", *RESULTS)))
    return made
