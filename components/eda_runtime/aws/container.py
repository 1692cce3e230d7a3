"""Credentials of the endpoint that Lambda has for functions with SnapStart."""

import json
import os
import time
from datetime import datetime
from pathlib import Path

from eda_runtime.aws.connection import Connection
from eda_runtime.aws.signature import Credentials, NoCredentials

REFRESH_SECONDS = 600
"""Before they expire, credentials are fetched anew, as botocore does it."""
SECONDS = 0.5
"""The endpoint is on the same host."""
_ATTEMPTS = 3
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"})
"""Hosts to which the token may go unencrypted (AWS SDKs and Tools Reference Guide)."""


class ContainerCredentials:
    """Fetches credentials, and fetches them again before they expire.

    Args:
        url: the endpoint.

    Raises:
        NoCredentials: the endpoint is neither HTTPS nor the host itself.
    """

    def __init__(self, url: str) -> None:
        self._connection = Connection(url, SECONDS, SECONDS)
        if not self._connection.encrypted and self._connection.host not in _LOCAL:
            raise NoCredentials("AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or an address of the host itself")
        self._found: Credentials | None = None
        self._expires = 0.0

    def __call__(self) -> Credentials:
        """The credentials now.

        Raises:
            NoCredentials: the endpoint did not give any, and those it gave before have expired.
        """
        now = time.time()
        if self._found is None or now > self._expires - REFRESH_SECONDS:
            try:
                self._found, self._expires = self._fetched()
            except (OSError, KeyError, TypeError, ValueError, NoCredentials) as error:
                # What is still valid goes on being used.
                if self._found is None or now >= self._expires:
                    raise NoCredentials(f"the endpoint of the credentials: {error}") from None
        return self._found

    def _fetched(self) -> tuple[Credentials, float]:
        # The token may change while the function runs, as its file does.
        name = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        if name:
            token = Path(name).read_text(encoding="ascii").strip()
        else:
            token = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        if "\r" in token or "\n" in token:
            raise NoCredentials("the authorization token has a line break")
        headers = {"accept": "application/json", **({"authorization": token} if token else {})}
        for left in reversed(range(_ATTEMPTS)):
            try:
                status, _, body = self._connection.exchange("GET", self._connection.path, headers, b"", 2 * SECONDS)
            except OSError:
                if not left:
                    raise
                continue
            if status == 200:
                given = json.loads(body)
                expires = datetime.fromisoformat(given["Expiration"]).timestamp()
                return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["Token"]), expires
            if status < 500:
                break
        raise NoCredentials(f"status {status}")
