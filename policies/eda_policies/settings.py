"""The pack's configuration: the environment's profile, the rules' options and levels, and exemptions."""

import datetime
import difflib
import fnmatch
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eda_policies.rule import ENVIRONMENTS, Level, Option, Rule

SETTINGS_RULE = "policy-settings"
"""The rule whose config holds what concerns the whole pack."""
STRICTEST = "prod"


class SettingsError(ValueError):
    """A value of the pack's config is not allowed; the message names rule, key, value and what is allowed."""


@dataclass(frozen=True)
class Exemption:
    """A rule that need not hold for some resources, for a reason and a time.

    Attributes:
        rule: the rule's name.
        urn: pattern of URNs (``*``, ``?``); empty for the whole stack.
        reason: why.
        expires: the last day on which it counts.
    """

    rule: str
    urn: str
    reason: str
    expires: datetime.date

    def covers(self, rule: str, urn: str) -> bool:
        """Whether a violation is meant."""
        return rule == self.rule and fnmatch.fnmatchcase(urn, self.urn)

    def expired(self, today: datetime.date) -> bool:
        """Whether it counts no longer."""
        return today > self.expires

    def __str__(self) -> str:
        return f"the exemption of {self.urn or 'the stack'} from {self.rule}"


@dataclass(frozen=True)
class Settings:
    """What the rules are checked with.

    Attributes:
        environment: whose profile counts.
        options: of each rule, what the config says and the environment's defaults.
        levels: what a violation does, by rule.
        exemptions: all of them, the expired ones too.
        today: the day.
    """

    environment: str = STRICTEST
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    levels: Mapping[str, Level] = field(default_factory=dict)
    exemptions: tuple[Exemption, ...] = ()
    today: datetime.date = field(default_factory=lambda: datetime.datetime.now(datetime.UTC).date())

    def level(self, rule: Rule) -> Level:
        """What a violation of a rule does."""
        return self.levels.get(rule.name, rule.levels[self.environment])

    def of(self, rule: Rule) -> Mapping[str, Any]:
        """A rule's options."""
        given = self.options.get(rule.name, {})
        chosen = {name: given.get(name, option.default[self.environment]) for name, option in rule.options.items()}
        return {**chosen, "today": self.today}

    def exempts(self, rule: str, urn: str) -> bool:
        """Whether an exemption that still counts covers a violation."""
        return any(found.covers(rule, urn) and not found.expired(self.today) for found in self.exemptions)


def environment_of(project: str, stack: str, config: Mapping[str, Any]) -> str:
    """The environment of a stack: its config's ``<project>:environment``, or its name; the strictest for others."""
    for named in (config.get(f"{project}:environment"), stack):
        if named in ENVIRONMENTS:
            return str(named)
    return STRICTEST


def settings(rules: Iterable[Rule], config: Mapping[str, Any], environment: str) -> Settings:
    """Read a config in Pulumi's form: by rule, a level or a map with ``enforcementLevel`` and the rule's options.

    Args:
        rules: the rules there are.
        config: what is configured; ``all`` is the level of every rule without one of its own.
        environment: the stack's, where the config names none.

    Raises:
        SettingsError: a rule, an option or a value is not allowed.
    """
    known = {rule.name: rule for rule in rules}
    levels: dict[str, Level] = {}
    options: dict[str, dict[str, Any]] = {}
    for name, given in config.items():
        if name == "all":
            levels.update({rule: _level(name, given) for rule in known if rule not in levels})
            continue
        if name not in known:
            raise SettingsError(f"policy config: there is no rule {name!r}{near(name, known)}")
        if isinstance(given, str):
            levels[name] = _level(name, given)
            continue
        if not isinstance(given, Mapping):
            raise SettingsError(f"policy config of {name}: is {given!r}; allowed is a level or a map of options")
        if "enforcementLevel" in given:
            levels[name] = _level(name, given["enforcementLevel"])
        options[name] = {key: value for key, value in given.items() if key != "enforcementLevel" and value is not None}
        for key, value in options[name].items():
            _check_option(known[name], key, value)
    whole = options.get(SETTINGS_RULE, {})
    chosen = whole.get("environment") or environment
    for name in options:
        _check_together(known[name], options[name], chosen)
    return Settings(
        environment=chosen,
        options=options,
        levels=levels,
        exemptions=tuple(_exemption(entry, known) for entry in whole.get("exemptions", ())),
    )


def _level(rule: str, value: Any) -> Level:
    if value == "remediate":
        return Level.MANDATORY
    try:
        return Level(value)
    except ValueError:
        raise SettingsError(
            f"policy config of {rule}: the level is {value!r}; allowed are advisory, mandatory, disabled"
        ) from None


def _check_option(rule: Rule, key: str, value: Any) -> None:
    option: Option | None = rule.options.get(key)
    if option is None:
        raise SettingsError(f"policy config of {rule.name}: the option {key!r} is unknown{near(key, rule.options)}")
    problem = violation(value, option.schema)
    if problem:
        raise SettingsError(f"policy config of {rule.name}: {key} {problem}")


def _check_together(rule: Rule, given: Mapping[str, Any], environment: str) -> None:
    """Options that are allowed each, and leave nothing that could comply."""
    all_of = {name: given.get(name, option.default[environment]) for name, option in rule.options.items()}
    for name in all_of:
        most = name.replace("minimum", "maximum", 1)
        if most != name and most in all_of and all_of[name] > all_of[most]:
            raise SettingsError(
                f"policy config of {rule.name}: {name} is {all_of[name]}, above {most}, {all_of[most]}: nothing could "
                f"comply; allowed is {all_of[most]} or less"
            )
    problem = rule.contradiction(all_of) if rule.contradiction else ""
    if problem:
        raise SettingsError(f"policy config of {rule.name}: {problem}")


_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "array": (list, tuple),
    "object": (dict,),
}


def violation(value: Any, schema: Mapping[str, Any]) -> str:
    """How a value does not fit a schema, empty when it does; knows the part of JSON schema that the options use."""
    kind = schema["type"]
    fits = isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
    if not fits:
        return f"is {value!r}; allowed is {'an' if kind[0] in 'aio' else 'a'} {kind}"
    if "enum" in schema and value not in schema["enum"]:
        return f"is {value!r}; allowed are {', '.join(map(str, schema['enum']))}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return f"is {value!r}; allowed is what matches {schema['pattern']}"
    if "minimum" in schema and value < schema["minimum"]:
        return f"is {value!r}; allowed is {schema['minimum']} or more"
    if "maximum" in schema and value > schema["maximum"]:
        return f"is {value!r}; allowed is {schema['maximum']} or less"
    if kind == "array":
        if len(value) < schema.get("minItems", 0):
            return f"is {value!r}; allowed is a list of {schema['minItems']} or more"
        for index, item in enumerate(value):
            problem = violation(item, schema["items"])
            if problem:
                return f"[{index}] {problem}"
    if kind == "object" and "properties" in schema:
        for name in schema.get("required", ()):
            if name not in value:
                return f"has no {name}"
        for name, item in value.items():
            if name not in schema["properties"]:
                return f"has the unknown key {name!r}{near(name, schema['properties'])}"
            problem = violation(item, schema["properties"][name])
            if problem:
                return f"{name} {problem}"
    return ""


def _exemption(entry: Mapping[str, Any], known: Mapping[str, Rule]) -> Exemption:
    where = f"policy config of {SETTINGS_RULE}: the exemption {json.dumps(entry, default=str)}"
    if entry["rule"] not in known:
        raise SettingsError(f"{where} names no rule{near(entry['rule'], known)}")
    if entry["rule"] == SETTINGS_RULE:
        raise SettingsError(f"{where} is of the rule that reports exemptions, which has none; correct the config")
    if not entry["reason"].strip():
        raise SettingsError(f"{where} has no reason")
    try:
        expires = datetime.date.fromisoformat(entry["expires"])
    except ValueError:
        raise SettingsError(f"{where} expires on no day; write it as 2030-12-31") from None
    return Exemption(entry["rule"], entry.get("urn", ""), entry["reason"], expires)


def near(name: str, known: Iterable[str]) -> str:
    """The known name that is most like a wrong one, as the end of a sentence; all of them when none is."""
    alike = difflib.get_close_matches(name, list(known), 1)
    return f"; is {alike[0]!r} meant?" if alike else f"; there are {', '.join(sorted(known))}"
