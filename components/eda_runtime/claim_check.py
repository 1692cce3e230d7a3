"""The claim check: what is too long for an event or a state lies in S3, and a reference travels in its place.

A reference is ``{"claim_check": {"bucket", "key", "sha256", "bytes"}}``. The key is the hash of the content, so putting
the same content again changes nothing but the time until which S3 keeps it. References are read from the function's own
store alone: whoever can write into an event cannot make the function read something else.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from eda_runtime.http import is_http

BUDGET = 200_000
"""Bytes of a value that travels inline: Step Functions' 262,144 are the smallest limit of the services on the way."""
LEAST_BUDGET = 1_000
"""A reference itself takes some 300 bytes."""
MAX_DEPTH = 32
"""Levels of a value in which references are looked for."""
MAX_REFERENCES = 100
"""References of one value, so that a short event cannot ask for any number of reads."""
Reference = dict[str, Any]
Handler = Callable[[dict[str, Any], Any], Any]
_MEMBERS = frozenset({"bucket", "key", "sha256", "bytes"})
_SHA256 = re.compile(r"[0-9a-f]{64}")
_GONE = frozenset({"NoSuchKey", "404"})


class PayloadError(Exception):
    """A payload cannot be stored or read; the message says why, and never holds what was in it."""


class PayloadGone(PayloadError):
    """The payload's time is over and S3 has deleted it: trying again will not bring it back."""


class PayloadCorrupt(PayloadError):
    """What lies under the key is not what the reference was made for."""


class ForeignReference(PayloadError):
    """The reference names another store than the function's own."""


class ClaimCheck:
    """Puts payloads into one store and gets them from it.

    Args:
        s3: makes an S3 client; called once, when the first payload needs it.
        bucket: the store's bucket.
        prefix: what the store's keys begin with.
        budget: bytes of serialised UTF-8 up to which a value stays inline, at least 1,000.
        reads: a handler's events are resolved.
        writes: a handler's results are offloaded.

    Raises:
        ValueError: the budget is too small.
    """

    def __init__(
        self,
        s3: Callable[[], Any],
        bucket: str,
        prefix: str = "",
        budget: int = BUDGET,
        *,
        reads: bool = True,
        writes: bool = True,
    ) -> None:
        if budget < LEAST_BUDGET:
            raise ValueError(f"the budget is {budget} bytes; it must be {LEAST_BUDGET} at least")
        self._make = s3
        self._bucket = bucket
        self._prefix = prefix
        self._budget = budget
        self.reads = reads
        self.writes = writes

    @cached_property
    def _s3(self) -> Any:
        return self._make()

    def put(self, content: bytes) -> str:
        """Store a payload.

        The write has no condition: that it repeats is what keeps a payload alive that two events share.

        Returns:
            The content's SHA-256 in hex: the same content again has the same one, and is kept for its whole time again.
        """
        digest = hashlib.sha256(content)
        self._s3.put_object(
            Bucket=self._bucket,
            Key=self._key(digest.hexdigest()),
            Body=content,
            ContentType="application/json",
            # S3 refuses what arrives as something else.
            ChecksumSHA256=base64.b64encode(digest.digest()).decode(),
        )
        return digest.hexdigest()

    def get(self, sha256: str) -> bytes:
        """Read a payload.

        Args:
            sha256: what ``put`` returned.

        Raises:
            PayloadGone: it was deleted at the end of its time.
            PayloadCorrupt: it is not what was put.
        """
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=self._key(sha256))
        except Exception as error:
            # Of whichever client: botocore's is not loaded for the name of its errors.
            if getattr(error, "response", {}).get("Error", {}).get("Code") not in _GONE:
                raise
            raise PayloadGone(f"the payload {sha256} is gone: it was put too long ago") from None
        content: bytes = answer["Body"].read()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise PayloadCorrupt(f"the payload {sha256} is not what was put")
        return content

    def offload(self, value: Any) -> Any:
        """A value that fits into the budget: itself, or with its longest members replaced by references.

        Of an object the longest members are replaced, as many as are needed, so that paths to them stay what they are;
        an array, a string, or an object whose members are all short but too many, is replaced as a whole.

        Args:
            value: JSON-serialisable; it is not changed.

        Raises:
            PayloadError: it is not JSON.
        """
        if is_reference(value):
            return value
        text = _serialised(value)
        if len(text) <= self._budget:
            return value
        chosen = self._longest(value, len(text)) if isinstance(value, dict) else None
        if chosen is None:
            return self._checked_in(text)
        return {name: self._checked_in(chosen[name]) if name in chosen else member for name, member in value.items()}

    def resolve(self, value: Any) -> Any:
        """A value with the payloads in place of their references, wherever they are in it.

        Args:
            value: as JSON gives it; it is not changed.

        Raises:
            PayloadError: a reference is not this store's, its payload is gone or is not what was put, or there are more
                than 100.
        """
        return self._resolved(value, MAX_DEPTH, iter(range(MAX_REFERENCES)))

    def _resolved(self, value: Any, depth: int, allowed: Iterator[int]) -> Any:
        if depth == 0:
            return value
        if is_reference(value):
            claim = value["claim_check"]
            if value != self._reference(claim["sha256"], claim["bytes"]):
                raise ForeignReference("the reference is not one of this function's payload store")
            if next(allowed, None) is None:
                raise PayloadError(f"the value has more than {MAX_REFERENCES} references")
            return self._resolved(json.loads(self.get(claim["sha256"])), depth - 1, allowed)
        if isinstance(value, dict):
            return {name: self._resolved(member, depth - 1, allowed) for name, member in value.items()}
        if isinstance(value, list):
            return [self._resolved(member, depth - 1, allowed) for member in value]
        return value

    def _longest(self, value: dict[str, Any], size: int) -> dict[str, bytes] | None:
        """Names and contents of the members to put; None when that would not be enough."""
        chosen: dict[str, bytes] = {}
        texts = {name: _serialised(member) for name, member in value.items() if not is_reference(member)}
        for name, text in sorted(texts.items(), key=lambda item: -len(item[1])):
            saved = len(text) - self._length_of_reference(len(text))
            if size <= self._budget or saved <= 0:
                break
            chosen[name] = text
            size -= saved
        return chosen if size <= self._budget else None

    def _length_of_reference(self, size: int) -> int:
        return len(_serialised(self._reference("0" * 64, size)))

    def _checked_in(self, content: bytes) -> Reference:
        return self._reference(self.put(content), len(content))

    def _reference(self, sha256: str, size: int) -> Reference:
        return {"claim_check": {"bucket": self._bucket, "key": self._key(sha256), "sha256": sha256, "bytes": size}}

    def _key(self, sha256: str) -> str:
        return f"{self._prefix}{sha256}"


def is_reference(value: Any) -> bool:
    """Whether a value has the form of a reference."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    claim = value.get("claim_check")
    return (
        isinstance(claim, Mapping)
        and claim.keys() == _MEMBERS
        and isinstance(claim["sha256"], str)
        and _SHA256.fullmatch(claim["sha256"]) is not None
        and isinstance(claim["bytes"], int)
    )


def from_settings(settings: str, s3: Callable[[], Any] | None = None) -> ClaimCheck:
    """The store of a function.

    Args:
        settings: JSON with ``bucket``, and optionally ``prefix``, ``budget`` and ``access`` (``READ``, ``WRITE`` or
            ``READ_WRITE``), as in ``EDA_PAYLOAD_STORE``.
        s3: makes the S3 client; default: one with patience for big payloads.
    """
    given = json.loads(settings)
    access = given.get("access", "READ_WRITE")
    return ClaimCheck(
        s3 or _client,
        given["bucket"],
        given.get("prefix", ""),
        given.get("budget", BUDGET),
        reads=access != "WRITE",
        writes=access != "READ",
    )


def transparent(handler: Handler, store: ClaimCheck) -> Handler:
    """A handler that sees payloads where its event has references, and whose result fits into the budget.

    In a queue's message that it is given alone (``eda_runtime.idempotency``), references in the body's JSON are
    resolved too. The answers of HTTP routes and of batches are left as they are: their form is their caller's.
    """

    def wrapped(event: dict[str, Any], context: Any) -> Any:
        result = handler(_resolved(event, store) if store.reads else event, context)
        form_is_given = is_http(event) or (isinstance(event, dict) and "Records" in event)
        if form_is_given or not store.writes:
            return result
        # Imported here, because a function that only reads, or answers, has none.
        from eda_runtime.transaction import Transaction

        if isinstance(result, Transaction):
            return Transaction(store.offload(result.result), result.writes)
        return store.offload(result)

    return wrapped


def _resolved(event: Any, store: ClaimCheck) -> Any:
    if isinstance(event, dict) and event.get("eventSource") == "aws:sqs" and '"claim_check"' in event["body"]:
        try:
            body = json.loads(event["body"])
        except (ValueError, RecursionError):
            return event
        return {**event, "body": json.dumps(store.resolve(body), ensure_ascii=False)}
    return store.resolve(event)


def _client() -> Any:
    # Imported here, because most invocations need no S3.
    import botocore.session
    from botocore.config import Config

    config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 4, "mode": "standard"})
    return botocore.session.get_session().create_client("s3", config=config)


def _serialised(value: Any) -> bytes:
    """As Lambda's runtime writes results."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise PayloadError(f"the value is not JSON: {type(error).__name__}") from None
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair can only be escaped.
        return json.dumps(value).encode()
