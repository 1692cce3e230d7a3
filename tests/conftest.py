"""Fixtures for tests that need the embedded AWS: one a process, the pipeline deployed once."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials
from eda_sandbox.embedded import Sandbox, embedded_aws
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.provider.deploy import Stack, deploy, destroy, stack_config
from hypothesis import HealthCheck, settings

from pipeline.demo.client import OrdersClient
from pipeline.demo.external_api import ExternalApi, external_api
from tests.examples import examples

# Until all modules are loaded: what they make stays.
gc.disable()
ROOT = Path(__file__).parents[1]
SPEED = 20
Deploy = Callable[..., Stack]
"""Deploys a program, with a stack's name and config where a test gives them."""

# The same examples each time, and no verdict on how fast this machine is; a failure prints how to repeat it.
settings.register_profile(
    "repeatable",
    max_examples=examples(100),
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("repeatable")


LONG = (
    "test_signals.py",
    "test_terminal.py",
    "test_command_line.py",
    "test_conformance.py",
    "test_soak.py",
    "test_iam_proof.py",
    "test_hostile_input.py",
)
"""Files that take longest: at the end no process waits for another's long file."""
WAITING = ("packages", "engine", "browser", "reliability", "integration")
"""Folders of tests that wait for processes and for time to pass; those of all others keep a core busy."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files, and mark what needs the embedded AWS, for ``make check``, which leaves it out.

    The long files come first; then those that wait, with the busy ones spread evenly among them.
    """
    for item in items:
        if "aws" in getattr(item, "fixturenames", ()):
            item.add_marker("embedded")
    files = dict.fromkeys(item.path for item in items)
    turns: dict[Path, tuple[bool, float]] = {}
    for waiting in (True, False):
        mine = sorted((path for path in files if (_room(path) in WAITING) is waiting), key=_rank)
        turns |= {path: (path.name not in LONG, number / len(mine)) for number, path in enumerate(mine)}
    items.sort(key=lambda item: turns[item.path])


def _room(path: Path) -> str:
    return path.relative_to(ROOT / "tests").parts[0]


def _rank(path: Path) -> int:
    return WAITING.index(_room(path)) if _room(path) in WAITING else 0


def pytest_collection_finish() -> None:
    """What is loaded stays to the end: no collection has to look at it, and what a sandbox holds is looked at less."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(700, 10, 100)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """From here on garbage is looked for: also in the process that collects nothing and hands tests to others."""
    gc.enable()


def pytest_sessionfinish() -> None:
    """pytest looks for garbage ten times at the end; what is left then is the process's to the end."""
    gc.freeze()


@pytest.fixture(scope="session")
def aws() -> Iterator[Sandbox]:
    """The embedded AWS of this process, twenty times as fast."""
    with embedded_aws(SPEED) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def _no_faults(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "aws" in request.fixturenames:
        request.getfixturevalue("aws").faults.clear()


@pytest.fixture
def hurried(aws: Sandbox) -> Iterator[None]:
    """Time passes as fast as in the demo: for tests that wait for AWS's timers, and measure none."""
    before, aws.cloud.clock.speed = aws.cloud.clock.speed, 3 * SPEED
    yield
    aws.cloud.clock.speed = before


@pytest.fixture(scope="module")
def deploy_here(aws: Sandbox) -> Iterator[Deploy]:
    """Deploys programs for the tests of a module; what they made, and what polls there, is removed after it."""
    made: list[Stack] = []

    def deploy_one(main: Path, stack: str = "test", config: dict[str, Any] | None = None) -> Stack:
        made.append(deploy(aws.cloud, main, stack, config))
        return made[-1]

    yield deploy_one
    for stack in reversed(made):
        # With what is in the buckets and workgroups.
        resources = [(token, name, id, {**state, "forceDestroy": True}) for token, name, id, state in stack.resources]
        destroy(aws.cloud, Stack(stack.outputs, resources))


@pytest.fixture(scope="session")
def external() -> Iterator[ExternalApi]:
    """An external API with a small answer, that neither waits nor throttles."""
    with external_api(elements=2_000, delay=0, throttle_every=0) as api:
        yield api


@pytest.fixture(scope="session")
def stack(aws: Sandbox, external: ExternalApi) -> Stack:
    """The pipeline's own program, deployed into the embedded AWS."""
    return deploy(aws.cloud, ROOT / "__main__.py", config={"external_api_url": external.url})


def client_of(stack: Stack) -> OrdersClient:
    """A client of a deployed pipeline with the account's root credentials."""
    return OrdersClient(stack.outputs["api_url"], Credentials(ROOT_KEY, ROOT_SECRET), REGION)


@pytest.fixture(scope="session")
def orders(stack: Stack) -> OrdersClient:
    """A client of the shared stack."""
    return client_of(stack)


@pytest.fixture(scope="module")
def own_stack(request: pytest.FixtureRequest, deploy_here: Deploy, external: ExternalApi) -> Stack:
    """The pipeline once more, with nothing of other tests in it, for those of a module that count what it does."""
    config = {**stack_config(ROOT, "orders", "sandbox"), "external_api_url": external.url}
    return deploy_here(ROOT / "__main__.py", request.path.stem.removeprefix("test_").replace("_", "-"), config)
