"""AWS Signature Version 4, for requests without a query.

IAM User Guide, "Create a signed AWS API request".
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import NamedTuple


class Credentials(NamedTuple):
    """What requests are signed with.

    Attributes:
        access_key: its id.
        secret_key: the secret.
        token: the session's, empty for a user's own keys.
    """

    access_key: str
    secret_key: str
    token: str = ""


class NoCredentials(Exception):
    """There are no credentials, or their endpoint did not give them; the message says why."""


class Signer:
    """Signs the requests to one service in one region.

    Args:
        service: as its endpoint's name has it, ``dynamodb`` or ``s3``.
        region: the endpoint's.
    """

    def __init__(self, service: str, region: str) -> None:
        self._service = service
        self._region = region
        self._derived: tuple[tuple[str, str], bytes] | None = None

    def authorization(
        self, credentials: Credentials, method: str, path: str, headers: Mapping[str, str], payload_sha256: str
    ) -> str:
        """The request's header ``Authorization``.

        Args:
            credentials: whose request it is.
            method: the HTTP method.
            path: as it is sent, percent-encoded, without ``.``, ``..`` and empty segments for services but S3.
            headers: all headers that are signed, by lower-case name; ``host`` and ``x-amz-date`` are among them, and
                ``x-amz-security-token`` where there is a token.
            payload_sha256: the body's digest in hex.
        """
        moment = headers["x-amz-date"]
        scope = f"{moment[:8]}/{self._region}/{self._service}/aws4_request"
        names = sorted(headers)
        signed = ";".join(names)
        lines = [f"{name}:{' '.join(headers[name].split())}" for name in names]
        canonical = "\n".join([method, self._canonical(path), "", *lines, "", signed, payload_sha256])
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
        signature = hmac.digest(self._key(credentials.secret_key, moment[:8]), text.encode(), "sha256").hex()
        return (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={signed}, Signature={signature}"
        )

    def _canonical(self, path: str) -> str:
        if self._service == "s3" or path == "/":
            return path
        # Every service but S3 has it encoded once more.
        from urllib.parse import quote

        return quote(path, safe="/~")

    def _key(self, secret: str, day: str) -> bytes:
        if self._derived is None or self._derived[0] != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._derived = (secret, day), key
        return self._derived[1]
