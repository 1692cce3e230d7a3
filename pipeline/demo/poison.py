"""Requests and files that once stopped others: sent among the orders, and followed to what became of each.

Each is either refused at the door, or delivered as it was sent, or set aside with its reason; and all others arrive.
"""

import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.demo.back_half import BackHalf
from pipeline.demo.client import Answer, OrdersClient

RAW = "raw/orders/"
"""Where the raw data lies."""


@dataclass(frozen=True)
class Request:
    """A ``POST /orders`` that is odd.

    Attributes:
        what: what is odd about it.
        body: as it is sent.
        headers: beside the key.
    """

    what: str
    body: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class File:
    """An object in the raw bucket that Firehose did not write.

    Attributes:
        what: what is odd about it.
        key: under the raw prefix; ``{today}`` is this hour's partitions.
        body: its content.
    """

    what: str
    key: str
    body: bytes


@dataclass(frozen=True)
class Fate:
    """What became of a poison.

    Attributes:
        what: what was odd about it.
        answer: of the API, or that it was put.
        became: what it is now.
        reason: why it was refused or set aside.
        settled: it was refused, delivered, ignored or set aside, so nothing of it is under way.
    """

    what: str
    answer: str
    became: str
    reason: str
    settled: bool


def _order(**changed: Any) -> str:
    return json.dumps({"customer": "c-1", "sku": "SKU-0001", "quantity": 1, **changed}, ensure_ascii=False)


REQUESTS = (
    Request("a customer of 64 letters in 128 bytes", _order(customer="ü" * 64), {}),
    Request("an emoji of four bytes in each place", _order(customer="🥨" * 32, sku="🥐" * 32), {}),
    Request("a quantity of 1.0", _order().replace('"quantity": 1', '"quantity": 1.0'), {}),
    Request("a quantity of 1e2", _order().replace('"quantity": 1', '"quantity": 1e2'), {}),
    Request("a member that comes twice", _order().replace('"quantity": 1', '"quantity": "many", "quantity": 1'), {}),
    Request("half a surrogate", _order().replace("c-1", "c-\\ud800"), {}),
    Request("a NUL in a text", _order().replace("c-1", "c-\\u0000"), {}),
    Request("140 kB of spaces", _order() + " " * 140_000, {}),
    Request("300 kB of umlauts", _order(note="ä" * 150_000), {}),
    Request("a correlation id of 300 letters", _order(), {"X-Correlation-Id": "x" * 300}),
    Request("a traceparent of 73 letters", _order(), {"traceparent": "00-" + "a" * 70}),
    Request("a body that is no JSON", "{", {}),
)
FILES = (
    File("a file that ends in the middle", "{today}/poison-{id}.parquet", b"PAR1" + bytes(60)),
    File("an empty file", "{today}/poison-{id}-empty.parquet", b""),
    File("a file in no partition", "poison-{id}'; DROP TABLE orders; --.parquet", b"PAR1"),
    File("a day before the first", "dt=1999-12-31/hour=23/poison-{id}.parquet", b"PAR1" + bytes(60)),
)

KINDS: tuple[Request | File, ...] = (*REQUESTS, *FILES)


class Poison:
    """Sends poison, and says what became of it.

    Args:
        client: of the API.
        connect: makes a boto3 client of a service.
        outputs: the stack's exports.
        behind: the analytics part.
        rows: all rows of the orders table.
        seed: decides the keys and the order.
    """

    def __init__(
        self,
        client: OrdersClient,
        connect: Callable[[str], Any],
        outputs: Mapping[str, Any],
        behind: BackHalf,
        rows: Callable[[], list[dict[str, Any]]],
        seed: int,
    ) -> None:
        self._client = client
        self._connect = connect
        self._outputs = outputs
        self._behind = behind
        self._rows = rows
        self._random = random.Random(seed)
        self._answers: list[tuple[str, Request, Answer]] = []
        self._files: dict[str, File] = {}
        self._reasons: dict[str, str] = {}

    def send(self, count: int, stop: threading.Event) -> Iterator[tuple[str, str | None]]:
        """Send so many, one after the other, of each kind about as many.

        Args:
            count: how many.
            stop: set to end early.

        Returns:
            Key and order id of each request that was accepted; no id where its client was not told.
        """
        kinds = self._random.sample(KINDS, len(KINDS))
        chosen = [kinds[number % len(kinds)] for number in range(count)]
        for number, poison in enumerate(chosen):
            if stop.is_set():
                return
            if isinstance(poison, File):
                self._put(poison)
                continue
            key = f"poison-{number:05d}-{self._random.getrandbits(64):016x}"
            answer = self._client.post(key, poison.body, poison.headers)
            self._answers.append((key, poison, answer))
            if answer.status == 202 or answer.status >= 500:
                yield key, str(answer.body["order_id"]) if answer.status == 202 else None

    def _put(self, file: File) -> None:
        today = f"{datetime.now(UTC):dt=%Y-%m-%d/hour=%H}"
        key = RAW + file.key.replace("{today}", today).replace("{id}", f"{self._random.getrandbits(48):012x}")
        self._files[key] = file
        self._behind.beside.add(key)
        self._connect("s3").put_object(Bucket=self._outputs["raw_bucket_name"], Key=key, Body=file.body)

    def take_messages(self) -> None:
        """Take the messages about the files from the queries' dead-letter queue: a redrive would bring each back."""
        if not self._files:
            return
        sqs, queue = self._connect("sqs"), self._outputs["query_dlq_url"]
        others: list[str] = []
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=30).get(
            "Messages"
        ):
            for message in messages:
                found = [key for key in self._files if json.dumps(key)[1:-1] in message["Body"]]
                if not found:
                    others.append(message["ReceiptHandle"])
                    continue
                self._reasons[found[0]] = _reason(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        for handle in others:
            sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=0)

    def fates(self) -> list[Fate]:
        """What became of each, by kind."""
        if not self._answers and not self._files:
            return []
        self.take_messages()
        queries = {row["key"]: row for row in self._behind.ledger() if "key" in row}
        rows = {row["order_id"]: row for row in self._rows()}
        arrived = {
            row.order_id for row in (self._behind.warehouse() if self._behind.has_warehouse else self._behind.current())
        }
        fates = [self._fate(poison, answer, rows, arrived) for _, poison, answer in self._answers]
        fates += [self._file_fate(file, queries.get(key), self._reasons.get(key)) for key, file in self._files.items()]
        return sorted(fates, key=lambda fate: fate.what)

    def _fate(self, poison: Request, answer: Answer, rows: Mapping[str, Any], arrived: set[str]) -> Fate:
        said, detail = str(answer.status), str(answer.body.get("detail", ""))
        if answer.status == 202:
            row = rows.get(str(answer.body["order_id"]), {})
            same = json.loads(row.get("payload", "null")) == json.loads(poison.body)
            if row.get("status") == "AWAITING_DETAILS" and same:
                return Fate(poison.what, said, "waiting", "for its details", settled=True)
            if same and answer.body["order_id"] in arrived:
                return Fate(poison.what, said, "delivered, as it was sent", "", settled=True)
            return Fate(poison.what, said, f"{row.get('status')}, version {row.get('version')}", "", settled=False)
        return Fate(poison.what, said, "refused" if answer.status < 500 else "not told", detail, settled=True)

    def _file_fate(self, file: File, found: Mapping[str, Any] | None, reason: str | None) -> Fate:
        if reason is not None:
            return Fate(file.what, "put", "set aside", reason, settled=True)
        if found is None and not file.body:
            return Fate(file.what, "put", "ignored", "it is empty", settled=True)
        state = "not looked at" if found is None else str(found["state"]).lower()
        return Fate(file.what, "put", state, "" if found is None else found.get("error", ""), settled=False)


def _reason(message: Any) -> str:
    """Why a message lies in the queue: the function's own, or the record of a run that failed."""
    if "error" in message:
        return str(message["error"])
    return str((message.get("responsePayload") or {}).get("errorMessage", "the function failed"))


def summed(fates: list[Fate]) -> dict[str, int]:
    """How many became what."""
    kinds = ("refused", "delivered", "waiting", "set_aside", "ignored", "not_told", "under_way")
    counts = {"sent": len(fates), **dict.fromkeys(kinds, 0)}
    for fate in fates:
        counts[fate.became.partition(",")[0].replace(" ", "_") if fate.settled else "under_way"] += 1
    return counts
