"""A Chromium of this machine's own; without one, or without Playwright, the tests here are skipped."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from eda_sandbox.console import Console, console
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import Stack

from pipeline.demo.client import Ledger, OrdersClient
from pipeline.demo.watched import Watched
from tests.conftest import client_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 240
"""A wait that has failed, not a measure of the machine."""


@dataclass
class Opened:
    """A page of the console, and what must not have happened on it.

    Attributes:
        page: the page.
        url: the console's address.
        wrong: errors of scripts, of the console and of requests, and requests to elsewhere.
    """

    page: Page
    url: str
    wrong: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note what must not happen."""
        own = urlsplit(self.url).netloc
        page = self.page
        page.on("console", lambda said: self.wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda asked: self._elsewhere(asked.url, own))

    def _elsewhere(self, url: str, own: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != own:
            self.wrong.append(f"a request to {url}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser; while it is there Playwright's event loop runs in this thread, and no other one can."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"none of {', '.join(NAMES)} is on PATH")
    with pytest.importorskip("playwright.sync_api").sync_playwright() as playwright:
        # Chromium's own sandbox does not start for root.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def stack(own_stack: Stack) -> Stack:
    """The pipeline, with nothing of other tests in it."""
    return own_stack


@pytest.fixture(scope="module")
def orders(stack: Stack) -> OrdersClient:
    """A client of it."""
    return client_of(stack)


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    """What the orders of this module's buttons came to."""
    return Ledger()


@pytest.fixture(scope="module")
def shown(aws: Sandbox, stack: Stack, orders: OrdersClient, ledger: Ledger) -> Iterator[Console]:
    """The console of the deployed pipeline."""
    stop = threading.Event()
    with console(aws, Watched(aws, stack, orders, ledger, stop).additions()) as opened:
        yield opened
    stop.set()


@pytest.fixture
def opened(chromium: Browser, shown: Console) -> Iterator[Opened]:
    """Its page on a desk, in daylight."""
    with chromium.new_context(viewport={"width": 1440, "height": 1240}, color_scheme="light") as context:
        context.set_default_timeout(SECONDS * 1000)
        found = Opened(context.new_page(), shown.url)
        found.watch()
        found.page.goto(shown.url)
        found.page.wait_for_selector("body[data-ready]")
        yield found


@pytest.fixture
def picture(opened: Opened) -> Iterator[object]:
    """Takes a picture for the documents, where ``SCREENSHOTS`` names a folder; else it does nothing."""
    folder = os.environ.get("SCREENSHOTS")

    def take(name: str) -> None:
        if folder:
            opened.page.evaluate("document.getElementById('toast').className = 'toast'")
            opened.page.screenshot(path=Path(folder, f"{name}.png"))

    return take
