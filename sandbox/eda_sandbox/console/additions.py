"""What a program adds to the console: how its items are counted, followed, repaired and broken.

The console knows AWS alone. A program that can say more passes an ``Additions`` with what it has.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Count:
    """One number of an accounting.

    Attributes:
        name: what is counted.
        value: how many; None when it was not counted.
        bad: anything but 0 is wrong.
    """

    name: str
    value: int | None
    bad: bool = False


@dataclass(frozen=True)
class Counted:
    """An accounting.

    Attributes:
        counts: in the order in which they are shown.
        balanced: whether they add up; None while they cannot yet.
        said: the verdict in a sentence.
    """

    counts: Sequence[Count]
    balanced: bool | None
    said: str


@dataclass(frozen=True)
class Hop:
    """A step on an item's way.

    Attributes:
        name: the hop.
        begin: aware.
        seconds: how long it took; None where that is unknown.
        detail: what happened.
        failures: what went wrong.
    """

    name: str
    begin: datetime
    seconds: float | None
    detail: str = ""
    failures: Sequence[str] = ()


@dataclass(frozen=True)
class Way:
    """An item's way through all hops.

    Attributes:
        id: what was asked for.
        hops: in order.
        end: how far it came, in a word: delivered, waiting, failed, stopped, unknown.
        said: where it is, in a sentence.
    """

    id: str
    hops: Sequence[Hop]
    end: str
    said: str


@dataclass(frozen=True)
class Series:
    """Bars over time.

    Attributes:
        title: what is shown.
        times: the beginnings of the bars, as labels.
        values: a value for each time, by the name of the part of a bar.
    """

    title: str
    times: Sequence[str]
    values: Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Answer:
    """What an action did, in a sentence; ``id`` is an item to follow."""

    said: str
    id: str | None = None


@dataclass(frozen=True)
class Button:
    """An action of the program's own.

    Attributes:
        name: names it in URLs: letters, digits, hyphens.
        label: what the button says.
        hint: what it does, in a sentence.
        act: does it; may take some seconds.
    """

    name: str
    label: str
    hint: str
    act: Callable[[], Answer]


@dataclass(frozen=True)
class Additions:
    """What a program adds.

    Attributes:
        title: its name.
        item: what moves through it, in the singular.
        item_pattern: a regular expression that finds an item's id in requests and data; empty for none.
        labels: names that are easier to read, by the physical name of a resource.
        count: makes the accounting; it may be asked every few seconds.
        follow: an item's way, by its id or another one that it carries.
        redrive: empties a dead-letter queue by bringing its messages on, by the queue's name; None where the program
            knows no better way than to move them back to where they came from.
        chart: the data behind the last hop.
        buttons: further actions.
    """

    title: str = ""
    item: str = "item"
    item_pattern: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    count: Callable[[], Counted] | None = None
    follow: Callable[[str], Way] | None = None
    redrive: Mapping[str, Callable[[], Answer]] = field(default_factory=dict)
    chart: Callable[[], Series | None] | None = None
    buttons: Sequence[Button] = ()
