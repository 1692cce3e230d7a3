"""The console's HTTP interface: the page, its data as JSON, what happens as server-sent events, and its actions."""

import asyncio
import contextlib
import logging
import secrets
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from eda_sandbox.console import page
from eda_sandbox.console.acting import Acting, can_fail
from eda_sandbox.console.additions import Answer
from eda_sandbox.console.guarding import Guard
from eda_sandbox.console.reading import Reading, as_json
from eda_sandbox.console.watching import Watching
from eda_sandbox.foundation.errors import AwsError, SandboxError

KEEP_ALIVE_SECONDS = 10.0
LOG_SECONDS = 1.0
QUEUED = 100
"""Events that a browser may be behind; of one that is further behind the stream ends, and it begins anew."""

log = logging.getLogger(__name__)


def application(
    reading: Reading, acting: Acting, watching: Watching, port: int, token: str, stopping: threading.Event
) -> ASGIApp:
    """The console as an ASGI application.

    Args:
        reading: what is shown.
        acting: what is done.
        watching: tells what happens.
        port: where it listens.
        token: who has it may ask.
        stopping: set when the console ends; streams end with it.
    """
    routes = _Routes(reading, acting, watching, token, stopping)
    app = Starlette(
        routes=[
            Route("/", routes.page),
            Mount("/static", StaticFiles(directory=page.FOLDER)),
            Route("/api/graph", routes.read(lambda _: reading.graph())),
            Route("/api/snapshot", routes.read(lambda _: reading.snapshot())),
            Route("/api/controls", routes.read(lambda _: reading.controls())),
            Route("/api/accounting", routes.read(lambda _: reading.accounting())),
            Route("/api/chart", routes.read(lambda _: reading.chart())),
            Route("/api/way", routes.read(lambda request: reading.way(request.query_params["id"]))),
            Route("/api/node", routes.read(routes.node)),
            Route("/api/item", routes.read(lambda r: reading.item(r.query_params["node"], r.query_params["id"]))),
            Route("/api/stream", routes.stream),
            Route("/api/logs", routes.logs),
            Route("/api/act/{action}", routes.act, methods=["POST"]),
        ],
        exception_handlers={Exception: _failed},
    )
    guard = Guard(app, port, token)
    routes.cookie = guard.cookie
    return guard


class _Routes:
    def __init__(
        self, reading: Reading, acting: Acting, watching: Watching, token: str, stopping: threading.Event
    ) -> None:
        self._reading = reading
        self._acting = acting
        self._watching = watching
        self._token = token
        self._stopping = stopping
        self.cookie = ""

    async def page(self, _request: Request) -> Response:
        """The page; it brings the cookie for all that it asks for."""
        nonce = secrets.token_urlsafe(16)
        policy = (
            f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        response = Response(page.live(nonce), media_type="text/html")
        response.headers["Content-Security-Policy"] = policy
        response.set_cookie(self.cookie, self._token, httponly=True, samesite="strict")
        return response

    def read(self, asked: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """A route that answers with what is read, on a thread."""

        async def route(request: Request) -> Response:
            try:
                found = await run_in_threadpool(asked, request)
            except KeyError as error:
                raise HTTPException(404, f"There is no {error}") from None
            except (AwsError, BotoCoreError, ClientError) as error:
                raise HTTPException(409, str(error)) from None
            return _json(found)

        return route

    def node(self, request: Request) -> dict[str, Any]:
        """A resource, and which faults can be put on it."""
        id = request.query_params["id"]
        return {**self._reading.node(id), "faults": can_fail(self._reading.found(id))}

    async def act(self, request: Request) -> Response:
        """Do something; the answer says what was done."""
        try:
            asked = await request.json()
        except ValueError as error:
            raise HTTPException(400, f"The body is no JSON: {error}") from None
        actions: dict[str, Callable[[], Answer]] = {
            "inject": lambda: self._acting.inject(asked["kind"], asked["id"], int(asked["times"])),
            "stop-faults": self._acting.stop_faults,
            "redrive": lambda: self._acting.redrive(asked["id"]),
            "advance": lambda: self._acting.advance(asked["id"]),
            "press": lambda: self._acting.press(asked["name"]),
        }
        try:
            done = await run_in_threadpool(actions[request.path_params["action"]])
        except (KeyError, TypeError, ValueError) as error:
            raise HTTPException(400, f"{type(error).__name__}: {error}") from None
        except (SandboxError, AwsError, BotoCoreError, ClientError) as error:
            raise HTTPException(409, str(error)) from None
        return _json({"said": done.said, "id": done.id})

    async def stream(self, _request: Request) -> Response:
        """All that happens, as server-sent events."""
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue(QUEUED)

        def listen(what: str, value: Any) -> None:
            # The console may end meanwhile, and its loop with it.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_offer, events, (what, value))

        async def written() -> AsyncIterator[str]:
            with self._watching.told(listen):
                yield "retry: 1000\n\n"
                async for what, value in self._until_end(events):
                    yield f"event: {what}\ndata: {as_json(value)}\n\n" if what else ":\n\n"

        return _events(written())

    async def logs(self, request: Request) -> Response:
        """A resource's log lines, and those that follow, as server-sent events."""
        try:
            id = request.query_params["node"]
            seen = request.headers.get("last-event-id")
            lines, after = await run_in_threadpool(self._reading.logs, id, int(seen) if seen else None)
        except KeyError as error:
            raise HTTPException(404, f"There are no logs of {error}") from None
        except ValueError:
            raise HTTPException(400, "The last event's id is none of this stream") from None

        async def written() -> AsyncIterator[str]:
            found, position = lines, after
            while not self._stopping.is_set():
                if found:
                    # A stream that breaks begins again behind what it brought.
                    yield f"id: {position}\nevent: lines\ndata: {as_json(found)}\n\n"
                else:
                    yield ":\n\n"
                await asyncio.sleep(LOG_SECONDS)
                found, position = await run_in_threadpool(self._reading.logs, id, position)

        return _events(written())

    async def _until_end(self, events: "asyncio.Queue[tuple[str, Any]]") -> AsyncIterator[tuple[str, Any]]:
        waited = 0.0
        while not self._stopping.is_set() and not events.full():
            try:
                yield await asyncio.wait_for(events.get(), 0.5)
                waited = 0.0
            except TimeoutError:
                waited += 0.5
                if waited >= KEEP_ALIVE_SECONDS:
                    waited = 0.0
                    yield "", None


def _failed(request: Request, error: Exception) -> Response:
    """The server logs nothing of its own, and a button that does nothing says nothing."""
    log.error("the console failed at %s", request.url.path, exc_info=error)
    return PlainTextResponse(f"{type(error).__name__}: {error}", 500)


def _offer(events: "asyncio.Queue[tuple[str, Any]]", event: tuple[str, Any]) -> None:
    if not events.full():
        events.put_nowait(event)


def _json(value: Any) -> Response:
    return Response(as_json(value), media_type="application/json")


def _events(stream: AsyncIterator[str]) -> Response:
    return StreamingResponse(stream, media_type="text/event-stream")
