"""``python -m pipeline iam-proof``: which statements of the roles are needed."""

import time
from typing import Annotated

import typer
from botocore.credentials import Credentials
from eda_sandbox.embedded import embedded_aws
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.deploy import deploy
from rich.markup import escape

from pipeline import PROGRAM
from pipeline.demo import progress
from pipeline.demo.client import OrdersClient
from pipeline.demo.external_api import external_api
from pipeline.demo.interrupting import ended_by_signals
from pipeline.proof.behind import BehindChecks
from pipeline.proof.front import FrontChecks
from pipeline.proof.proving import prove
from pipeline.proof.roles import ROLE_POLICY, Roles
from pipeline.proof.rows import RowChecks
from pipeline.proof.stage import WAIT_SECONDS, CheckFailed, Stage

PROOF_SPEED = 100
"""AWS seconds in one real second of the proof: Firehose's 300 are 3, an order's wait is 6."""


def iam_proof(
    only: Annotated[str, typer.Option(help="Prove only the roles whose names contain this.")] = "",
    actions: Annotated[
        bool, typer.Option("--actions", help="Take away each action of each statement instead.")
    ] = False,
) -> None:
    """Take each statement of each role away once and show what then fails; ends with 1 when nothing does."""
    # What is proven can be piped on; how far it is stands beside it.
    console, beside = progress.console(), progress.console(stderr=True)
    ended_by_signals(beside)
    # With a key, so that what the roles need of it is proven too.
    config = {"details_timeout_seconds": WAIT_SECONDS, "encryption_key": "true"}
    proven, unproven, exceptions = 0, 0, dict[str, str]()
    begin = time.perf_counter()
    try:
        with (
            progress.ProgressLines(beside) as told,
            embedded_aws(PROOF_SPEED) as aws,
            external_api(2_000, delay=0, throttle_every=0) as external,
        ):
            with told.working("deploying"):
                stack = deploy(aws.cloud, PROGRAM, config={**config, "external_api_url": external.url})
            client = OrdersClient(stack.outputs["api_url"], Credentials(ROOT_KEY, ROOT_SECRET), REGION, retries=1)
            stage = Stage(aws, stack, client, external)
            roles = Roles(aws.client("iam"), stack.of_type(ROLE_POLICY))
            behind = BehindChecks(stage, roles)
            behind.set_up()
            checks = [*FrontChecks(stage).checks(), *RowChecks(stage).checks(), *behind.checks()]
            for proof in prove(stage, roles, checks, only, actions=actions):
                if proof.exception is not None:
                    exceptions[proof.name] = proof.exception
                elif proof.failed is None:
                    unproven += 1
                    console.print(f"[red]not needed[/] {proof.name}: everything works without it")
                else:
                    proven += 1
                    console.print(f"[green]needed[/] {proof.name}: {proof.failed}")
    except (SandboxError, CheckFailed) as error:
        beside.print(f"[red]Error[/]: {escape(str(error))}")
        raise typer.Exit(1) from None
    for name, reason in exceptions.items():
        console.print(f"exception {name}: {reason}")
    console.print(f"Seconds: {time.perf_counter() - begin:.0f}")
    console.print(f"{'actions' if actions else 'statements'} {proven + unproven}, proven {proven}")
    raise typer.Exit(1 if unproven else 0)
