"""What was found, for readers and machines: grouped by cause as text, GitHub's annotations or SARIF, or as JSON."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from eda_policies.rule import Level, Rule
from eda_policies.runner import Reported

_SHOWN = 12
_STYLES = {Level.MANDATORY: "bold red", Level.ADVISORY: "yellow"}
_SARIF_LEVELS = {Level.MANDATORY: "error", Level.ADVISORY: "warning"}


@dataclass(frozen=True)
class Checked:
    """A stack that was checked.

    Attributes:
        stack: its name.
        environment: whose profile counted.
        resources: how many there are.
        found: what was found.
    """

    stack: str
    environment: str
    resources: int
    found: Sequence[Reported]


@dataclass(frozen=True)
class Cause:
    """What several resources have in common, which one fix repairs.

    Attributes:
        rule: the rule's name.
        level: advisory or mandatory.
        found: what is there, and what is allowed.
        advice: the fix, and where to read on.
        subjects: the resources as a reader names them.
        urns: theirs.
    """

    rule: str
    level: Level
    found: str
    advice: str
    subjects: Sequence[str]
    urns: Sequence[str]

    @property
    def text(self) -> str:
        """All of it."""
        return f"{', '.join(self.subjects)}: {self.found}\n{self.advice}"


def causes(found: Sequence[Reported]) -> list[Cause]:
    """What was found, one entry for each cause; mandatory first."""
    by_cause: dict[tuple[str, Level, str, str], list[tuple[str, str]]] = {}
    for violation in found:
        _, _, message = violation.message.partition("\n")
        first, _, advice = message.partition("\n")
        subject, _, what = first.partition(": ")
        by_cause.setdefault((violation.rule, violation.level, what, advice), []).append((subject, violation.urn))
    made = [
        Cause(rule, level, what, advice, [s for s, _ in subjects], [urn for _, urn in subjects])
        for (rule, level, what, advice), subjects in by_cause.items()
    ]
    return sorted(made, key=lambda cause: (cause.level is not Level.MANDATORY, cause.rule, cause.subjects))


def as_text(checked: Sequence[Checked], rules: Sequence[Rule], console: Console) -> None:
    """Print it for readers."""
    for stack in checked:
        profile = "" if stack.stack == stack.environment else f" (profile {stack.environment})"
        console.print(f"[bold]{escape(stack.stack)}[/bold]{profile}: {stack.resources} resources, {len(rules)} rules")
        found = causes(stack.found)
        for cause in found:
            console.print(f"  [{_STYLES[cause.level]}]{cause.level.value}[/] {cause.rule}")
            console.print(f"    {escape(_subjects(cause))}: {escape(cause.found)}")
            for line in cause.advice.splitlines():
                console.print(f"    {escape(line)}")
        count = Counter(cause.level for cause in found)
        mandatory, advisory = count[Level.MANDATORY], count[Level.ADVISORY]
        verdict = f"[red]{mandatory} mandatory[/]" if mandatory else "[green]passes[/]"
        console.print(f"  {verdict}, {advisory} advisory\n")


def _subjects(cause: Cause) -> str:
    if len(cause.subjects) == 1:
        return cause.subjects[0]
    shown = ", ".join(cause.subjects[:_SHOWN])
    more = len(cause.subjects) - _SHOWN
    return f"{len(cause.subjects)} resources ({shown}{f' and {more} more' if more > 0 else ''})"


def as_json(checked: Sequence[Checked]) -> str:
    """One list, with an entry for each resource that violates a rule."""
    return json.dumps(
        [
            {"stack": c.stack, "rule": v.rule, "level": v.level.value, "urn": v.urn, "message": v.message}
            for c in checked
            for v in c.found
        ]
    )


def as_github(checked: Sequence[Checked], program: Path) -> Iterator[str]:
    """Workflow commands, which GitHub shows as annotations of the program's file."""
    for stack in checked:
        for cause in causes(stack.found):
            kind = _SARIF_LEVELS[cause.level]
            title = _escaped(f"{stack.stack}: {cause.rule}").replace(":", "%3A").replace(",", "%2C")
            file = _escaped(str(program)).replace(":", "%3A").replace(",", "%2C")
            yield f"::{kind} file={file},title={title}::{_escaped(cause.text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def as_sarif(checked: Sequence[Checked], rules: Sequence[Rule], program: Path, version: str) -> str:
    """A log of SARIF 2.1.0, with one result for each cause."""
    named = {rule.name: number for number, rule in enumerate(rules)}
    results = [
        _result(stack.stack, cause, named[cause.rule], program) for stack in checked for cause in causes(stack.found)
    ]
    driver = {
        "name": "eda-policies",
        "version": version,
        "rules": [_described(rule) for rule in rules],
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints"}],
    }
    return json.dumps(log, indent=2)


def _described(rule: Rule) -> Mapping[str, Any]:
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.holds},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.fix},
        "helpUri": rule.reference,
        "properties": {"tags": [rule.category.value]},
    }


def _result(stack: str, cause: Cause, number: int, program: Path) -> Mapping[str, Any]:
    logical = [{"fullyQualifiedName": urn, "kind": "resource"} for urn in cause.urns if urn]
    physical = {"artifactLocation": {"uri": program.as_posix()}, "region": {"startLine": 1}}
    # A fingerprint tells the same finding in two runs, whatever other resources it is of.
    cause_of = hashlib.sha256(f"{stack}\n{cause.rule}\n{cause.found}".encode()).hexdigest()
    return {
        "ruleId": cause.rule,
        "ruleIndex": number,
        "level": _SARIF_LEVELS[cause.level],
        "message": {"text": f"{stack}: {cause.text}"},
        "locations": [{"physicalLocation": physical, "logicalLocations": logical}],
        "partialFingerprints": {"cause/v1": cause_of},
    }
