"""``python -m pipeline iam-proof``: which statements of the roles are needed."""

import contextlib
import time
from pathlib import Path
from typing import Annotated

import typer
from eda_sandbox.embedded import embedded_aws
from eda_sandbox.foundation.errors import SandboxError
from rich.markup import escape

from pipeline.demo import progress
from pipeline.demo.interrupting import ended_by_signals
from pipeline.proof.programs import program_in, the_pipeline
from pipeline.proof.proving import prove
from pipeline.proof.stage import CheckFailed

PROOF_SPEED = 100
"""AWS seconds in one real second of the proof: Firehose's 300 are 3, an order's wait is 6."""


def iam_proof(
    program: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="The folder of another program than the pipeline, with its proof.py.",
        ),
    ] = None,
    only: Annotated[str, typer.Option(help="Prove only the roles whose names contain this.")] = "",
    actions: Annotated[
        bool, typer.Option("--actions", help="Take away each action of each statement instead.")
    ] = False,
) -> None:
    """Take each statement of each role away once and show what then fails; ends with 1 when nothing does."""
    # What is proven can be piped on; how far it is stands beside it.
    console, beside = progress.console(), progress.console(stderr=True)
    ended_by_signals(beside)
    proven, unproven, exceptions = 0, 0, dict[str, str]()
    begin = time.perf_counter()
    try:
        with (
            progress.ProgressLines(beside) as told,
            embedded_aws(PROOF_SPEED) as aws,
            contextlib.ExitStack() as deployed,
        ):
            with told.working("deploying"):
                subject = deployed.enter_context(the_pipeline(aws) if program is None else program_in(program, aws))
            for proof in prove(subject.stage, subject.roles, subject.checks, only, actions=actions):
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
