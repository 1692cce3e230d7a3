"""Running rules: what a rule finds becomes a violation with a level, unless it is exempted."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from eda_policies.graph import Graph, seen
from eda_policies.resource import Finding, Resource
from eda_policies.rule import Level, ResourceRule, Rule, StackRule
from eda_policies.settings import SETTINGS_RULE, Exemption, Settings


@dataclass(frozen=True)
class Violation:
    """What is reported.

    Attributes:
        rule: that does not hold.
        level: advisory or mandatory; a mandatory rule that a preview cannot decide is advisory until the update.
        urn: of the resource, empty for the stack.
        message: resource, what was found, what is allowed, the fix and the rule's page.
    """

    rule: Rule
    level: Level
    urn: str
    message: str


class Checker:
    """Checks resources and the stack.

    Args:
        rules: the rules.
        settings: the configuration.
    """

    def __init__(self, rules: Sequence[Rule], settings: Settings) -> None:
        self.settings = settings
        self._for_all: list[ResourceRule] = []
        self._by_type: dict[str, list[ResourceRule]] = defaultdict(list)
        self._of_stack: list[StackRule] = []
        self._rules = {rule.name: rule for rule in rules}
        for rule in rules:
            if settings.level(rule) is Level.DISABLED:
                continue
            if isinstance(rule, StackRule):
                self._of_stack.append(rule)
            elif isinstance(rule, ResourceRule):
                for type in rule.types:
                    self._by_type[type].append(rule)
                if not rule.types:
                    self._for_all.append(rule)

    def resource(self, resource: Resource) -> Iterator[Violation]:
        """What rules over single resources find."""
        for rule in (*self._by_type.get(resource.type, ()), *self._for_all):
            yield from self._violations(rule, _found(rule, resource, self.settings))

    def stack(self, graph: Graph) -> Iterator[Violation]:
        """What rules over the graph find, and exemptions and budgets that are of no use."""
        used: set[Exemption] = set()
        for rule in self._of_stack:
            findings = _guarded(partial(rule.check, graph, self.settings.of(rule)), rule.name, "", "the stack")
            used.update(self._covering(rule, findings))
            yield from self._violations(rule, findings)
        for resource in graph.resources if self.settings.exemptions else ():
            for exempted in {exemption.rule for exemption in self.settings.exemptions}:
                known = self._rules[exempted]
                if isinstance(known, ResourceRule) and (not known.types or resource.type in known.types):
                    used.update(self._covering(known, _found(known, resource, self.settings)))
        settings_rule = self._rules.get(SETTINGS_RULE)
        if settings_rule is not None and self.settings.level(settings_rule) is not Level.DISABLED:
            yield from self._violations(settings_rule, [*self._exemptions(used), *self._stale_options(graph)])

    def _exemptions(self, used: set[Exemption]) -> Iterator[Finding]:
        for exemption in self.settings.exemptions:
            if exemption.expired(self.settings.today):
                found, fix = f"{exemption} expired on {exemption.expires}", "Repair what it covered, or renew it."
            elif exemption not in used:
                found, fix = f"{exemption} exempts nothing", "Take it out of the config."
            else:
                continue
            yield Finding("", "the policy config", found, "exemptions that are needed and have not expired", False, fix)

    def _stale_options(self, graph: Graph) -> Iterator[Finding]:
        for rule in self._rules.values():
            if isinstance(rule, ResourceRule) and rule.stale and self.settings.level(rule) is not Level.DISABLED:
                yield from rule.stale(graph, self.settings.of(rule))

    def _covering(self, rule: Rule, findings: Sequence[Finding]) -> set[Exemption]:
        return {e for e in self.settings.exemptions for finding in findings if e.covers(rule.name, finding.urn)}

    def _violations(self, rule: Rule, findings: Sequence[Finding]) -> Iterator[Violation]:
        for finding in findings:
            if not self.settings.exempts(rule.name, finding.urn):
                level = Level.ADVISORY if finding.undecided else self.settings.level(rule)
                yield Violation(rule, level, finding.urn, message(rule, finding))


def message(rule: Rule, finding: Finding) -> str:
    """A finding as a reader sees it."""
    if finding.undecided:
        return f"{finding.subject}: {finding.found}, and decides then whether this holds: {rule.holds}\n{_see(rule)}"
    fix = finding.fix or rule.fix
    return f"{finding.subject}: {finding.found}; allowed: {finding.allowed}.\nFix: {fix}\n{_see(rule)}"


def _see(rule: Rule) -> str:
    return f"See {rule.reference}, or: eda-policies explain {rule.name}"


def _found(rule: ResourceRule, resource: Resource, settings: Settings) -> list[Finding]:
    view = seen(rule.view, resource)
    return _guarded(lambda: rule.check(view, settings.of(rule)), rule.name, resource.urn, resource.label)


def _guarded(check: Callable[[], Iterator[Any]], rule: str, urn: str, subject: str) -> list[Finding]:
    """A rule that fails must neither end the others nor pass for one that holds."""
    try:
        return list(check())
    except Exception as error:
        found = f"the rule {rule} could not read it ({type(error).__name__}: {error})"
        return [Finding(urn, subject, found, "properties of the types that the provider documents")]
