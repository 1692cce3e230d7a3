"""Serves the console on loopback, beside the embedded AWS."""

import asyncio
import contextlib
import secrets
import threading
from collections.abc import Iterator

from hypercorn.asyncio import serve
from hypercorn.config import Config

from eda_sandbox.console.acting import Acting
from eda_sandbox.console.additions import Additions
from eda_sandbox.console.app import application
from eda_sandbox.console.reading import Reading
from eda_sandbox.console.watching import Watching
from eda_sandbox.embedded import Sandbox, listening_socket

END_SECONDS = 10


class Console:
    """A console that is up.

    Attributes:
        url: its address, with the token that lets a browser in.
        reading: what it shows, for tests and programs.
        acting: what it does.
        watching: tells what happens.
    """

    def __init__(self, url: str, reading: Reading, acting: Acting, watching: Watching) -> None:
        self.url = url
        self.reading = reading
        self.acting = acting
        self.watching = watching


@contextlib.contextmanager
def console(aws: Sandbox, additions: Additions | None = None, port: int = 0) -> Iterator[Console]:
    """Serve the console of an embedded AWS for the time of a ``with`` block.

    It listens on 127.0.0.1 alone. While no browser is there it notes the newest calls, microseconds each, and reads
    nothing; in its first seconds it asks each service once, so that a first look waits for none.

    Args:
        aws: the embedded AWS; programs may be deployed before or after.
        additions: what a program itself can tell and do.
        port: on loopback; 0 takes a free one.

    Raises:
        SandboxError: the port is taken.
    """
    with listening_socket(port) as listener:
        listener.listen(128)
        number, token = listener.getsockname()[1], secrets.token_urlsafe(24)
        reading = Reading(aws, additions)
        acting, watching = Acting(aws, reading), Watching(reading)
        stopping, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()
        config = Config()
        # The server closes the descriptor it is given.
        config.bind = [f"fd://{listener.detach()}"]
        config.graceful_timeout = 1
        config.shutdown_timeout = 2
        config.errorlog = None
        app = application(reading, acting, watching, number, token, stopping)

        def run() -> None:
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(serve(app, config, shutdown_trigger=stop.wait))  # type: ignore[arg-type]  # its ASGI types are stricter

        thread = threading.Thread(target=run, name="console-server", daemon=True)
        thread.start()
        warming = threading.Thread(target=reading.warm, args=(stopping,), name="console-warming", daemon=True)
        warming.start()
        aws.front_door.observer = reading.flows.note
        try:
            yield Console(f"http://127.0.0.1:{number}/?token={token}", reading, acting, watching)
        finally:
            aws.front_door.observer = None
            stopping.set()
            loop.call_soon_threadsafe(stop.set)
            thread.join(END_SECONDS)
            warming.join(END_SECONDS)
            if not thread.is_alive():
                loop.close()
