"""The programs whose roles are proven: the pipeline's own, and others that have a file ``proof.py`` beside them."""

import contextlib
import runpy
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from botocore.credentials import Credentials
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.deploy import deploy

from pipeline import PROGRAM
from pipeline.demo.client import OrdersClient
from pipeline.demo.external_api import external_api
from pipeline.proof.behind import BehindChecks
from pipeline.proof.front import FrontChecks
from pipeline.proof.proving import Check
from pipeline.proof.roles import ROLE_POLICY, Roles
from pipeline.proof.rows import RowChecks
from pipeline.proof.stage import Stage

SCENARIO = "proof.py"
"""The file beside a program's ``__main__.py`` that says what the program has to do: its ``checks(stage, roles)`` gives
the checks, and its ``CONFIG``, where it has one, is the stack's config."""
WAIT_SECONDS = 600
"""The pipeline's wait for details, in AWS's time; the proof has to live through it."""


@dataclass(frozen=True)
class Subject:
    """A deployed program.

    Attributes:
        stage: where it is deployed.
        roles: its roles.
        checks: what it has to do.
    """

    stage: Stage
    roles: Roles
    checks: Sequence[Check]


@contextlib.contextmanager
def the_pipeline(aws: Sandbox) -> Iterator[Subject]:
    """Deploy the pipeline."""
    with external_api(2_000, delay=0, throttle_every=0) as external:
        # With a key, so that what the roles need of it is proven too.
        config = {
            "details_timeout_seconds": WAIT_SECONDS,
            "encryption_key": "true",
            "external_api_url": external.url,
        }
        stack = deploy(aws.cloud, PROGRAM, config=config)
        stage, roles = Stage(aws, stack), Roles(aws.client("iam"), stack.of_type(ROLE_POLICY))
        client = OrdersClient(stack.outputs["api_url"], Credentials(ROOT_KEY, ROOT_SECRET), REGION, retries=1)
        behind = BehindChecks(stage, roles)
        behind.set_up()
        front = FrontChecks(stage, client, external)
        yield Subject(stage, roles, [*front.checks(), *RowChecks(stage, client).checks(), *behind.checks()])


@contextlib.contextmanager
def program_in(folder: Path, aws: Sandbox) -> Iterator[Subject]:
    """Deploy the program of a folder.

    Raises:
        SandboxError: nothing beside it says what it has to do.
    """
    config, checks = _scenario(folder)
    stack = deploy(aws.cloud, folder / "__main__.py", config=config)
    stage, roles = Stage(aws, stack), Roles(aws.client("iam"), stack.of_type(ROLE_POLICY))
    yield Subject(stage, roles, checks(stage, roles))


def _scenario(folder: Path) -> tuple[dict[str, str], Callable[[Stage, Roles], Sequence[Check]]]:
    file = folder.resolve() / SCENARIO
    if not file.is_file():
        raise SandboxError(f"there is no {SCENARIO} in {folder.resolve()}, which says what the program has to do")
    # As for a script, what lies beside it can be imported.
    sys.path.insert(0, str(file.parent))
    try:
        module = runpy.run_path(str(file))
    finally:
        sys.path.remove(str(file.parent))
    return module.get("CONFIG", {}), module["checks"]
