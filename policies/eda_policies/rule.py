"""What a rule is: a pure function over a resource or the stack's graph, with its metadata beside it."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from eda_policies.resource import Findings, Resource

if TYPE_CHECKING:
    from eda_policies.graph import Graph

ENVIRONMENTS = ("sandbox", "dev", "staging", "prod")
PAGES = {
    **dict.fromkeys(("lambda", "tracing"), "lambda"),
    "sfn": "step-functions",
    "apigw": "api-gateway",
    "iam": "iam",
    **dict.fromkeys(("sqs", "dlq", "sns"), "queues"),
    **dict.fromkeys(("esm", "pipes", "events", "scheduler"), "events"),
    "dynamodb": "dynamodb",
    "s3": "s3",
    **dict.fromkeys(("firehose", "kinesis", "athena", "analytics", "glue", "redshift", "kms"), "analytics"),
}
"""The documentation's page of each first part of a name; all others are on that of the whole stack."""
V = TypeVar("V", bound=Resource)


class Level(enum.Enum):
    """What a violation does."""

    DISABLED = "disabled"
    ADVISORY = "advisory"
    MANDATORY = "mandatory"


class Category(enum.Enum):
    """What a rule is for."""

    MISSION = "mission"
    """Memory, timeout and tracing."""
    SECURITY = "security"
    RELIABILITY = "reliability"
    OPERATIONS = "operations"
    COST = "cost"


@dataclass(frozen=True)
class Option:
    """One value that a rule can be configured with.

    Attributes:
        schema: its JSON schema.
        default: its value when the config has none, by environment.
    """

    schema: Mapping[str, Any]
    default: Mapping[str, Any]

    @classmethod
    def of(cls, schema: Mapping[str, Any], default: Any, **by_environment: Any) -> "Option":
        """An option with one default, and others for some environments."""
        return cls(schema, {environment: by_environment.get(environment, default) for environment in ENVIRONMENTS})


Options = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """A rule's metadata.

    Attributes:
        name: ``service-what-must-hold``.
        holds: when it holds, in one sentence.
        why: why it is a rule.
        fix: how to repair a violation.
        reference: the service's documentation.
        category: what it is for; decides the levels.
        levels: what a violation does, by environment.
        options: what it can be configured with.
        contradiction: what is wrong with options together; empty when nothing is.
    """

    name: str
    holds: str
    why: str
    fix: str
    reference: str
    category: Category
    levels: Mapping[str, Level]
    options: Mapping[str, Option]
    contradiction: Callable[[Options], str] | None = field(repr=False, default=None, kw_only=True)

    @property
    def page(self) -> str:
        """The page of the documentation on which it is."""
        return PAGES.get(self.name.partition("-")[0], "stack")


@dataclass(frozen=True)
class ResourceRule(Rule):
    """A rule over one resource.

    Attributes:
        view: how the function sees the resource.
        types: the types it is for; empty for all.
        check: yields what is not as it should be.
        stale: yields what of the options is of no use in a stack.
    """

    view: type[Resource] = Resource
    types: tuple[str, ...] = ()
    check: Callable[[Any, Options], Findings] = field(repr=False, default=lambda _resource, _options: iter(()))
    stale: Callable[["Graph", Options], Findings] | None = field(repr=False, default=None)


@dataclass(frozen=True)
class StackRule(Rule):
    """A rule over the stack's graph.

    Attributes:
        check: yields what is not as it should be.
    """

    check: Callable[["Graph", Options], Findings] = field(repr=False, default=lambda _graph, _options: iter(()))


def levels(category: Category, essential: bool, only_in: tuple[str, ...] = ENVIRONMENTS) -> dict[str, Level]:
    """The profiles: ``sandbox`` and ``dev`` advise but for what is essential, ``staging`` demands all but what costs,
    ``prod`` demands all.

    Args:
        category: what the rule is for.
        essential: mandatory everywhere.
        only_in: the environments it is for.
    """
    made = {}
    for environment in ENVIRONMENTS:
        if environment not in only_in:
            made[environment] = Level.DISABLED
        elif environment == "prod" or essential or (environment == "staging" and category is not Category.COST):
            made[environment] = Level.MANDATORY
        else:
            made[environment] = Level.ADVISORY
    return made


def resource_rule(
    name: str,
    view: type[V],
    *types: str,
    holds: str,
    why: str,
    fix: str,
    reference: str,
    category: Category,
    essential: bool = False,
    only_in: tuple[str, ...] = ENVIRONMENTS,
    options: Mapping[str, Option] | None = None,
    special_levels: Mapping[str, Level] | None = None,
    stale: Callable[["Graph", Options], Findings] | None = None,
    contradiction: Callable[[Options], str] | None = None,
) -> Callable[[Callable[[V, Options], Findings]], ResourceRule]:
    """Make a function over one resource a rule; see ``Rule`` and ``levels`` for the arguments."""

    def make(check: Callable[[V, Options], Findings]) -> ResourceRule:
        found = {**levels(category, essential, only_in), **(special_levels or {})}
        described = (name, holds, why, fix, reference, category, found, options or {})
        return ResourceRule(*described, view, types, check, stale, contradiction=contradiction)

    return make


def stack_rule(
    name: str,
    *,
    holds: str,
    why: str,
    fix: str,
    reference: str,
    category: Category,
    essential: bool = False,
    only_in: tuple[str, ...] = ENVIRONMENTS,
    options: Mapping[str, Option] | None = None,
    special_levels: Mapping[str, Level] | None = None,
) -> Callable[[Callable[["Graph", Options], Findings]], StackRule]:
    """Make a function over the stack's graph a rule; see ``Rule`` and ``levels`` for the arguments."""

    def make(check: Callable[["Graph", Options], Findings]) -> StackRule:
        found = {**levels(category, essential, only_in), **(special_levels or {})}
        return StackRule(name, holds, why, fix, reference, category, found, options or {}, check)

    return make
