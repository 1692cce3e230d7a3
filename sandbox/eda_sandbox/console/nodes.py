"""What the console's graph is made of, and what a kind of resource tells of itself."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from eda_sandbox.foundation.cloud import Cloud

ROWS = 100
"""How many rows a list shows."""


@dataclass(frozen=True)
class Node:
    """A resource.

    Attributes:
        kind: the name of its kind.
        name: its physical name.
        arn: where others refer to it by one.
        role: the ARN of the role that it works with.
        log_group: where it writes.
        title: what it is called where its name is none that one reads.
    """

    kind: str
    name: str
    arn: str
    role: str | None = None
    log_group: str | None = None
    title: str = ""

    @property
    def id(self) -> str:
        """Names it in the graph and in URLs."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class Mention:
    """A part of a resource's configuration that names others.

    Attributes:
        text: the configuration, as JSON or as it is.
        what: what the connection is for.
        incoming: what is named comes before the resource that names it.
        dead_letters: what is named takes what failed.
        service: boto3's name of the service that what is named belongs to; empty for any.
    """

    text: str
    what: str
    incoming: bool = False
    dead_letters: bool = False
    service: str = ""


@dataclass(frozen=True)
class Listing:
    """The items that a resource holds or did.

    Attributes:
        columns: their names.
        rows: a value for each column; the first one is the item's id.
        total: how many there are; None when only the shown ones were counted.
        noun: what a row is, in the plural.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    total: int | None
    noun: str


@dataclass(frozen=True)
class Metrics:
    """What is shown on a resource's box.

    Attributes:
        shown: short texts, the most important one first.
        waiting: messages that wait.
        failed: what failed, or dead letters.
        age: seconds that the oldest message has waited.
    """

    shown: Sequence[str] = ()
    waiting: int = 0
    failed: int = 0
    age: float = 0.0


class Kind(ABC):
    """Resources of one kind: which there are, what they name, what they hold.

    Args:
        cloud: the embedded AWS.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    """As AWS calls it."""
    service: ClassVar[str]
    """boto3's name of the service."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def client(self, service: str | None = None) -> Any:
        """A client with the account's root credentials; by default of the kind's own service."""
        return self.cloud.client(service or self.service)

    @abstractmethod
    def nodes(self) -> Iterator[Node]:
        """All resources of the kind."""

    def mentions(self, node: Node) -> Iterator[Mention]:
        """What its configuration names, beside what its role may do."""
        del node
        return iter(())

    def metrics(self, node: Node) -> Metrics:
        """What is shown on its box."""
        del node
        return Metrics()

    def facts(self, node: Node) -> Mapping[str, Any]:
        """Its configuration, as far as one wants to read it."""
        del node
        return {}

    def items(self, node: Node) -> Listing | None:
        """What it holds or did, the newest first; None for kinds without items."""
        del node
        return None

    def item(self, node: Node, id: str) -> Mapping[str, Any]:
        """One item whole.

        Raises:
            KeyError: there is none of that id.
        """
        del node
        raise KeyError(id)


@dataclass(frozen=True)
class Edge:
    """A connection of two resources.

    Attributes:
        source: the id of the node it begins at.
        target: the id of the node it leads to.
        what: what it is for, each a word or two.
        main: items go along it; the others are looked things up, and dead letters.
        dead_letters: what failed goes along it.
    """

    source: str
    target: str
    what: tuple[str, ...]
    main: bool
    dead_letters: bool = False


@dataclass(frozen=True)
class Graph:
    """The resources of all deployed programs, and how they are connected."""

    nodes: Mapping[str, Node] = field(default_factory=dict)
    edges: Sequence[Edge] = ()
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The names of the roles that each node works with, by its id."""


def named(node: Node, text: str) -> bool:
    """Whether a text names a resource: its ARN, or its name between quotation marks."""
    if f'"{node.name}"' in text or text == node.name:
        return True
    return bool(node.arn) and re.search(re.escape(node.arn) + r"(?![A-Za-z0-9_-])", text) is not None
