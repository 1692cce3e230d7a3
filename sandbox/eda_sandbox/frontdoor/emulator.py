"""The front door's own questions to the emulator behind it; no fault hits them, and no policy."""

import threading
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET, USER_AGENT, session_of_models
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.foundation.transport import hand_over


class Emulator:
    """Clients of the emulator with the account's root credentials.

    Args:
        endpoint: the front door's address, for the requests' URLs.
        send: hands a request to the emulator and waits for the answer.
    """

    def __init__(self, endpoint: str, send: Callable[[HttpRequest], HttpResponse]) -> None:
        self._endpoint = endpoint
        self._send = send
        self._session = boto3.Session(ROOT_KEY, ROOT_SECRET, region_name=REGION, botocore_session=session_of_models())
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """A boto3 client; cached and safe to share between threads."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._new_client(service)
            return self._clients[service]

    def _new_client(self, service: str) -> Any:
        client = self._session.client(
            service,  # type: ignore[call-overload]  # the service is only known at run time
            endpoint_url=self._endpoint,
            config=Config(
                retries={"total_max_attempts": 1},
                inject_host_prefix=False,
                user_agent=USER_AGENT,
                s3={"addressing_style": "path"},
            ),
        )
        hand_over(client, self._send)
        return client
