"""Three servers that answer as AWS does, each in a process of its own: the sandbox, moto's, and ministack alone.

moto is installed when it is first measured, and only its own process has it on the path.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import botocore.config

from bench.borrowed import installed

MOTO = "moto[server]==5.2.5"
REGION = "eu-central-1"
NAMES = ("sandbox", "moto", "ministack")
START_SECONDS = 120
SANDBOX = """
import sys
from eda_sandbox.embedded import embedded_aws
with embedded_aws(port=int(sys.argv[1])):
    sys.stdin.read()
"""


class Server:
    """A running server.

    Attributes:
        name: of ``NAMES``.
        url: where it listens.
    """

    def __init__(self, name: str, url: str, process: int) -> None:
        self.name = name
        self.url = url
        self._process = process

    def client(self, service: str) -> Any:
        """A boto3 client that does not retry, so that each request is one."""
        return boto3.client(
            service,  # type: ignore[call-overload]  # any of them
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=botocore.config.Config(
                retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, inject_host_prefix=False
            ),
        )

    def cpu_seconds(self) -> float:
        """CPU time of the server and its children so far."""
        return sum(_cpu_seconds(process) for process in [self._process, *_descendants(self._process)])


@contextmanager
def server(name: str) -> Iterator[Server]:
    """Run a server for the time of a ``with`` block.

    Args:
        name: of ``NAMES``.

    Raises:
        RuntimeError: it does not come up, or moto cannot be installed.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "AWS_DEFAULT_REGION": REGION, "LOG_LEVEL": "ERROR"}
    if name == "moto":
        environment["PYTHONPATH"] = str(installed("moto", MOTO))
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    elif name == "ministack":
        environment |= {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "MINISTACK_REGION": REGION}
        environment |= {"SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0", "DOCKER_HOST": "unix:///nonexistent"}
        command = [sys.executable, "-m", "ministack"]
    else:
        command = [sys.executable, "-c", SANDBOX, str(port)]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        found = Server(name, f"http://127.0.0.1:{port}", process.pid)
        _until_up(found, process)
        yield found
    finally:
        assert process.stdin is not None
        process.stdin.close()
        if name != "sandbox":
            process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_up(found: Server, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(Exception):
            found.client("sqs").list_queues()
            return
        time.sleep(0.1)
    raise RuntimeError(f"{found.name} did not start within {START_SECONDS} s")


def post(url: str, content: bytes) -> None:
    """Send a server a request that is no AWS's."""
    with urllib.request.urlopen(urllib.request.Request(url, content, method="POST"), timeout=START_SECONDS):
        pass


def _descendants(process: int) -> list[int]:
    found: list[int] = []
    with suppress(FileNotFoundError):
        for task in (Path("/proc") / str(process) / "task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *_descendants(int(child))]
    return found


def _cpu_seconds(process: int) -> float:
    with suppress(FileNotFoundError):
        fields = (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()
        # utime, stime, and those of children that have ended (proc(5)).
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0
