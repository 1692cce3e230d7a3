"""Pulumi's calls of an engine whose answers are there already: without threads, loops and the places in the source."""

import asyncio
import contextlib
import types
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

from pulumi.runtime import mocks, resource
from pulumi.runtime.proto import source_pb2
from pulumi.runtime.sync_await import _sync_await


@contextlib.contextmanager
def answered() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop for a program under mocks; a thread and a loop for each call would take a tenth of the time, and so would
    the place in the source of each resource, which is for the engine's messages."""
    loop = asyncio.new_event_loop()
    loop.set_default_executor(_Here())
    asyncio.set_event_loop(loop)
    direct = ((mocks, "_sync_await", _at_once), (resource, "_get_stack_trace", source_pb2.StackTrace))
    try:
        with contextlib.ExitStack() as stack:
            for module, name, answer in direct:
                # They are no part of Pulumi's interface: without them it takes longer, and no more.
                if hasattr(module, name):
                    stack.enter_context(patch.object(module, name, answer))
            yield loop
    finally:
        loop.close()
        asyncio.set_event_loop(None)


class _Here(ThreadPoolExecutor):
    """Runs what it is given at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


def _at_once(answer: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that waits for nothing; for one that does, the loop runs as it does in Pulumi."""
    try:
        first = answer.send(None)
    except StopIteration as done:
        return done.value
    return _sync_await(_rest(answer, first))


@types.coroutine
def _rest(answer: Coroutine[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, Any]:
    yield waits_for
    return (yield from answer)
