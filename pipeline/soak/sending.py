"""Orders of clients that try again: some for long, some give up after a few tries."""

import random
import threading
import time
from collections.abc import Callable

from botocore.credentials import Credentials
from eda_sandbox.frontdoor.faults import FaultLayer

from pipeline.demo.back_half import BackHalf
from pipeline.demo.client import Answer, OrdersClient
from pipeline.demo.patience import Patience
from pipeline.demo.plan import PlannedOrder
from pipeline.demo.run import CLIENTS, Pipeline, Progress, Result, Run

COME_AGAIN = frozenset({429, 500, 502, 503, 504})
"""Answers after which a client tries again: nothing is known of the order."""
PATIENT, IMPATIENT = 24, 3
"""Tries of a client; a patient one outlasts an outage at the default speed."""
GIVES_UP = 0.15
"""Share of the clients that are impatient."""
DETAILS_SECONDS = 20.0
"""How long a client waits for its order to want its details, before it sends them all the same."""


class SoakRun(Run):
    """A run whose clients may get no answer.

    Args:
        pipeline: where the orders go.
        connect: makes a client that tries so often.
        faults: what is done to their requests.
        progress: told how far each phase is.
        patience: when the run gives up.
        stop: set to end the run early.
        seed: decides which clients give up.
        orders: how many are sent; few orders have few clients, because each one more has functions start processes.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        connect: Callable[[int], OrdersClient],
        faults: FaultLayer,
        progress: Progress,
        patience: Patience,
        stop: threading.Event,
        seed: int,
        orders: int,
    ) -> None:
        self._impatient = connect(IMPATIENT)
        super().__init__(pipeline, connect(PATIENT), progress, patience, stop, max(2, min(CLIENTS, orders // 10)))
        self._faults = faults
        self._seed = seed

    def _asked(self, order: PlannedOrder, hop: str | None, call: Callable[[OrdersClient], Answer]) -> Answer | None:
        gives_up = random.Random(f"{self._seed}:{order.key}").random() < GIVES_UP
        try:
            answer = call(self._impatient if gives_up else self._client)
        except ConnectionError:
            return None
        if hop is not None:
            self.ledger.took(hop, answer.seconds)
        return None if answer.status in COME_AGAIN else answer

    def account(self, behind: BackHalf | None = None) -> Result:
        """Count; of a request whose answer was lost on its way nobody can say what its client was told.

        Nor of one that came twice, when the other of its answers is the client's.
        """
        twice = {request.header("idempotency-key") or "" for request in self._faults.unheard}
        unanswered = self._client.unanswered | self._impatient.unanswered | twice
        self.ledger.unanswered |= self.ledger.given_up & unanswered
        return super().account(behind)

    def _unexpected(self, what: str, answer: Answer | None) -> None:
        # An order that failed takes no details until it is redriven.
        if answer is not None and (what, answer.status) != ("POST details", 409):
            super()._unexpected(what, answer)

    def _is_too_late(self, order_id: str, begin: float) -> bool:
        del order_id
        return time.monotonic() - begin > DETAILS_SECONDS


def connector(url: str, credentials: Credentials, region: str) -> Callable[[int], OrdersClient]:
    """Makes clients of the API that try so often as they are told."""
    return lambda tries: OrdersClient(url, credentials, region, tries, COME_AGAIN)
