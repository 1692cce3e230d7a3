"""Signed calls of a service: its endpoint, retries within the time that is left, and typed errors."""

import hashlib
import json
import os
import time
from collections.abc import Mapping

from eda_runtime.aws.connection import Answer, Connection
from eda_runtime.aws.credentials import provider
from eda_runtime.aws.signature import Signer
from eda_runtime.settings import SettingsError, text

CONNECT_SECONDS = 0.5
"""Longest wait for a connection, with the handshake of TLS."""
READ_SECONDS = 0.8
"""Longest wait for an answer: a read of one item or object takes some milliseconds, and two of them fit two seconds."""
ATTEMPTS = 3
"""As many as botocore's standard mode makes."""
BACKOFF_SECONDS = 0.05
"""Longest pause before the second attempt; each further one may be twice as long. Pauses are random, from 0."""
_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
}
"""DNS suffixes of the partitions but ``aws`` and ``aws-us-gov``, by what their regions' names begin with (botocore,
``partitions.json``)."""
_THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Error codes that mean "later" (botocore, ``ThrottledRetryableChecker``)."""
_TRANSIENT = frozenset({"RequestTimeout", "RequestTimeoutException", "TransactionInProgressException"})


class AwsError(Exception):
    """A service did not do what it was asked for.

    Attributes:
        code: the service's word for it.
        status: the answer's HTTP status; 0 when there was none.
        response: the same, as ``ClientError`` of botocore has it.
    """

    def __init__(self, service: str, code: str, message: str, status: int = 0) -> None:
        super().__init__(f"{service}: {code}: {message}" if message else f"{service}: {code}")
        self.code = code
        self.status = status
        self.response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}


class Throttled(AwsError):
    """It asks to come again later, and no time is left for that."""


class Unavailable(AwsError):
    """It answered with a server error, or not at all, or not in time."""


def endpoint(service: str) -> str | None:
    """The endpoint that the environment names for a service, as botocore reads it.

    Args:
        service: ``dynamodb`` or ``s3``.
    """
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    named = os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or os.environ.get("AWS_ENDPOINT_URL")
    return named.rstrip("/") if named else None


def regional_host(service: str, region: str) -> str:
    """A service's regional host, in whichever partition.

    Raises:
        SettingsError: the environment asks for another kind of host.
    """
    for name in ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"):
        if os.environ.get(name, "").lower() == "true":
            raise SettingsError(f"{name} is not known here; name the endpoint in AWS_ENDPOINT_URL_{service.upper()}")
    suffix = next((suffix for start, suffix in _SUFFIXES.items() if region.startswith(start)), "amazonaws.com")
    return f"{service}.{region}.{suffix}"


class Calls:
    """Calls of one service, each of which may come twice. Not to be used by two threads at once.

    Credentials, region (``AWS_REGION``) and endpoint are those of the environment; connection and TLS context are kept.

    Args:
        service: ``dynamodb`` or ``s3``.
        label: what the host's name begins with before the service's; default: nothing.

    Raises:
        NoCredentials: the environment has none.
        SettingsError: it has no region, or an endpoint that is none.
    """

    def __init__(self, service: str, label: str = "") -> None:
        region = os.environ.get("AWS_REGION") or text("AWS_DEFAULT_REGION")
        named = endpoint(service)
        prefix = f"{label}." if label else ""
        try:
            self._connection = Connection(
                named or f"https://{prefix}{regional_host(service, region)}", CONNECT_SECONDS, READ_SECONDS
            )
        except ValueError as error:
            raise SettingsError(f"AWS_ENDPOINT_URL of {service}: {error}") from None
        self._credentials = provider()
        self._service = service
        self._signer = Signer(service, region)

    def call(self, method: str, path: str, headers: Mapping[str, str], body: bytes, deadline: float) -> Answer:
        """Send a request until it succeeds.

        Throttles, server errors and lost connections are tried again, three attempts in all, after random pauses.

        Args:
            method: the HTTP method.
            path: the path, percent-encoded.
            headers: by lower-case name.
            body: the request's.
            deadline: when it must be over, by ``time.monotonic``.

        Raises:
            Throttled: the service asks to come later.
            Unavailable: it has a fault, or cannot be reached in time.
            AwsError: it refuses the request.
            NoCredentials: there are no valid ones.
        """
        longest, left = BACKOFF_SECONDS, ATTEMPTS
        while True:
            found = self._attempt(method, path, headers, body, deadline)
            if not isinstance(found, AwsError):
                return found
            left -= 1
            # The module `random` would be loaded for nothing else.
            pause = longest * int.from_bytes(os.urandom(2), "big") / 65536
            if not left or not isinstance(found, Throttled | Unavailable) or time.monotonic() + pause >= deadline:
                raise found
            time.sleep(pause)
            longest *= 2

    def _attempt(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, deadline: float
    ) -> Answer | AwsError:
        sent = self._signed(method, path, headers, body)
        try:
            answer = self._connection.exchange(method, path, sent, body, deadline - time.monotonic())
        except OSError as error:
            return Unavailable(self._service, type(error).__name__, str(error))
        status, received, content = answer
        if status >= 300:
            return self._failure(status, received, content)
        if "x-amz-crc32" in received:
            # Imported here, because only DynamoDB sends it.
            import zlib

            if received["x-amz-crc32"] != str(zlib.crc32(content)):
                return Unavailable(self._service, "ChecksumMismatch", "the answer is not what was sent", status)
        return answer

    def _signed(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        credentials = self._credentials()
        digest = hashlib.sha256(body).hexdigest()
        signed = {"host": self._connection.authority, **headers}
        signed["x-amz-date"] = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        if self._service == "s3":
            signed["x-amz-content-sha256"] = digest
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        signed["authorization"] = self._signer.authorization(credentials, method, path, signed, digest)
        trace = os.environ.get("_X_AMZN_TRACE_ID")
        # Not signed: whatever is on the way may write its own, as AWS's SDKs let it.
        return {**signed, "user-agent": "eda-runtime", **({"x-amzn-trace-id": trace} if trace else {})}

    def _failure(self, status: int, headers: Mapping[str, str], content: bytes) -> AwsError:
        code, message = _error(headers, content)
        code = code or str(status)
        kind = AwsError
        if code in _THROTTLES or status == 429:
            kind = Throttled
        elif code in _TRANSIENT or status >= 500:
            kind = Unavailable
        return kind(self._service, code, message, status)


def _error(headers: Mapping[str, str], content: bytes) -> tuple[str, str]:
    """Code and message of an error, as the services' protocols have it: JSON, or S3's XML."""
    if content.lstrip().startswith(b"<"):
        found = [content.partition(b"<%s>" % name)[2].partition(b"</%s>" % name)[0] for name in (b"Code", b"Message")]
        return found[0].decode(errors="replace"), found[1].decode(errors="replace")
    try:
        given = json.loads(content)
        code = given.get("__type") or given.get("code") or headers.get("x-amzn-errortype") or ""
        return str(code).rpartition("#")[2].partition(":")[0], str(given.get("message") or given.get("Message") or "")
    except (ValueError, AttributeError, RecursionError):
        return headers.get("x-amzn-errortype", "").partition(":")[0], ""
