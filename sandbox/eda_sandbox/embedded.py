"""Start and stop the embedded AWS in this process."""

import asyncio
import atexit
import contextlib
import gc
import importlib
import os
import shutil
import socket
import tempfile
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eda_sandbox.foundation import ending
from eda_sandbox.foundation.clock import Clock
from eda_sandbox.foundation.cloud import REGION, Cloud
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.frontdoor.door import Asgi, FrontDoor, Message
from eda_sandbox.frontdoor.faults import FaultLayer
from eda_sandbox.frontdoor.serving import Server

START_SECONDS = 30
PREFIX = "aws-eda-sandbox-"
"""Of the folders of running sandboxes, in the temporary folder."""
NEEDED_BYTES = 200_000_000
"""What has to be free for the sandbox's folder: unpacked layers, compiled modules and data of some thousand orders."""

# What a process holds at its end goes with it: to look for garbage among that takes a second.
atexit.register(gc.freeze)
_in_use = threading.Lock()


class Sandbox:
    """The embedded AWS, listening on loopback.

    There can be one at a time in a process, because the emulator behind keeps its state in module globals.

    Attributes:
        cloud: the services' view; ``cloud.client("dynamodb")`` is a client with the account's root credentials.
        faults: the fault layer.
        endpoint: the front door's address.
    """

    def __init__(self, cloud: Cloud, faults: FaultLayer, front_door: FrontDoor) -> None:
        self.cloud = cloud
        self.faults = faults
        self.endpoint = cloud.endpoint
        self.front_door = front_door

    def client(self, service: str) -> Any:
        """A boto3 client with the account's root credentials."""
        return self.cloud.client(service)


@contextlib.contextmanager
def embedded_aws(
    speed: float = 1.0, seed: int = 0, port: int = 0, doubts: Mapping[str, str] | None = None
) -> Iterator[Sandbox]:
    """Run the embedded AWS for the time of a ``with`` block; it writes only to its own folder and removes it.

    Args:
        speed: AWS seconds in one real second, 1 or more.
        seed: of the fault layer.
        port: on loopback; 0 takes a free one.
        doubts: what AWS does where no source decides it, by name (``eda_sandbox.foundation.doubts.DOUBTS``); default
            each one's first value.

    Raises:
        SandboxError: one runs in this process already, the port is taken, the disk is full, or there is no such doubt
            or value.
    """
    if not _in_use.acquire(blocking=False):
        raise SandboxError("an embedded AWS runs in this process already; stop it first")
    try:
        with contextlib.ExitStack() as running:
            folder = running.enter_context(_own_folder())
            listener = running.enter_context(listening_socket(port))
            number = listener.getsockname()[1]
            behind = _load_emulator(number, folder)
            loop = running.enter_context(_started(behind))
            cloud = Cloud(f"http://127.0.0.1:{number}", Clock(speed), folder, doubts)
            faults = FaultLayer(seed)
            cloud.kill_after = faults.kill_after
            front_door = FrontDoor(cloud, behind, loop, faults)
            # Imported here, because services may load what needs the emulator's environment set.
            from eda_sandbox.services import SERVICES

            cloud.send = front_door.handle
            cloud.services = {service.name: service(cloud) for service in SERVICES}
            running.callback(front_door.close)
            running.enter_context(Server(listener, front_door.handle).running())
            _reset_emulator(cloud.endpoint)
            started = []
            try:
                for service in cloud.services.values():
                    started.append(service)
                    service.start()
                yield Sandbox(cloud, faults, front_door)
            finally:
                cloud.stopping.set()
                for service in reversed(started):
                    service.stop()
    finally:
        _in_use.release()


@contextlib.contextmanager
def _own_folder() -> Iterator[Path]:
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < NEEDED_BYTES:
        raise SandboxError(
            f"only {free / 1e6:.0f} MB are free in {tempfile.gettempdir()}, and {NEEDED_BYTES / 1e6:.0f} MB are "
            "needed; free some, or set TMPDIR to a folder with more"
        )
    with ending.temporary(PREFIX) as folder:
        yield folder


@contextlib.contextmanager
def listening_socket(port: int) -> Iterator[socket.socket]:
    """A socket that is bound to loopback for the time of a ``with`` block.

    Args:
        port: 0 takes a free one.

    Raises:
        SandboxError: the port is taken.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise SandboxError(f"port {port} on 127.0.0.1 cannot be had: {error.strerror}; choose another") from error
        yield listener


def _load_emulator(port: int, folder: Path) -> Asgi:
    """Import ministack with its environment set; in a second run of this process its state is reset instead."""
    settings = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "AUTH": "true",
        "MINISTACK_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": os.environ.get("SANDBOX_LOG_LEVEL", "ERROR"),
        "DOCKER_HOST": "unix:///nonexistent",
        "TMPDIR": str(folder),
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        app = importlib.import_module("ministack.app")
    finally:
        # The others are read again at start-up, when listeners are bound, and whenever a URL is made.
        for name in ("LOG_LEVEL", "TMPDIR"):
            if before[name] is None:
                os.environ.pop(name)
            else:
                os.environ[name] = before[name] or ""
    behind: Asgi = app.app
    return behind


@contextlib.contextmanager
def _started(behind: Asgi) -> Iterator[asyncio.AbstractEventLoop]:
    """Begin the emulator, and end it: on a loop of its own, where it also waits for what takes time."""
    loop = asyncio.new_event_loop()
    began, ends = threading.Event(), asyncio.Event()

    async def receive() -> Message:
        if began.is_set():
            await ends.wait()
            return {"type": "lifespan.shutdown"}
        return {"type": "lifespan.startup"}

    async def send(_message: Message) -> None:
        began.set()

    async def live() -> None:
        await behind({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)

    thread = threading.Thread(target=loop.run_until_complete, args=(live(),), name="emulator", daemon=True)
    thread.start()
    try:
        if not began.wait(START_SECONDS):
            raise SandboxError(f"the embedded AWS did not start within {START_SECONDS} s")
        yield loop
    finally:
        loop.call_soon_threadsafe(ends.set)
        thread.join(timeout=10)
        if not thread.is_alive():
            loop.close()


def _reset_emulator(endpoint: str) -> None:
    """Its state outlives a run, because it lies in its modules."""
    reset = urllib.request.Request(f"{endpoint}/_ministack/reset", method="POST")  # noqa: S310 - our own
    with urllib.request.urlopen(reset, timeout=START_SECONDS):  # noqa: S310 - our own
        pass
