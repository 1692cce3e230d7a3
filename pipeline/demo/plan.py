"""Which orders the demo sends, and how: decided by the seed alone."""

import random
from dataclasses import dataclass
from enum import Enum

from pipeline.demo.external_api import SKUS, sku


class Details(Enum):
    """When the additional data of an order is sent."""

    BEFORE = "before"
    """As soon as the order is accepted, mostly before the workflow waits for it."""
    AFTER = "after"
    """Once the order says that it waits."""
    TWICE = "twice"
    """Once the order waits, and then again."""
    NEVER = "never"


@dataclass(frozen=True)
class PlannedOrder:
    """One order and what is done with it.

    Attributes:
        key: its ``Idempotency-Key``.
        body: what is posted.
        details: when the additional data is sent.
        repeated: the same request is sent a second time.
        reused: the key is used again with another body, which has to be refused.
    """

    key: str
    body: dict[str, object]
    details: Details
    repeated: bool
    reused: bool

    @property
    def details_body(self) -> dict[str, object]:
        """The additional data."""
        return {"address": f"Lindenstrasse {len(self.key)}, 10969 Berlin", "delivery_date": "2027-01-15"}


def plan(orders: int, seed: int) -> list[PlannedOrder]:
    """The orders of a run.

    A fifth is sent twice, one in twenty-five reuses its key with another payload (at least one), one in twenty never
    gets its details (at least one).
    """
    rng = random.Random(seed)
    numbers = list(range(orders))
    repeated = set(rng.sample(numbers, orders // 5))
    reused = set(rng.sample(numbers, min(orders, max(1, orders // 25))))
    never = set(rng.sample(numbers, min(orders // 2, max(1, orders // 20))))
    planned = []
    for number in numbers:
        details = Details.NEVER if number in never else rng.choice([Details.BEFORE, Details.AFTER, Details.TWICE])
        body: dict[str, object] = {
            "customer": f"c-{rng.randrange(1_000):03d}",
            "sku": sku(rng.randrange(SKUS)),
            "quantity": rng.randrange(1, 10),
        }
        key = f"demo-{seed}-{number:05d}-{rng.getrandbits(64):016x}"
        planned.append(PlannedOrder(key, body, details, number in repeated, number in reused))
    return planned
