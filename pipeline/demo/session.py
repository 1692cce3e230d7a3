"""A run of the demo: what is started, sent and shown, in the embedded AWS or on AWS."""

import contextlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import typer
from botocore.credentials import Credentials
from eda_sandbox.announcing import announced
from eda_sandbox.embedded import Sandbox, embedded_aws
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.deploy import Program, Stack, begun
from eda_sandbox.services.scheduler import Scheduler
from rich.console import Console
from rich.markup import escape

from pipeline import PROGRAM
from pipeline.demo import progress
from pipeline.demo.back_half import BackHalf, QueryFailed
from pipeline.demo.client import OrdersClient
from pipeline.demo.external_api import external_api
from pipeline.demo.interrupting import ended_by_signals, stopped_by_ctrl_c
from pipeline.demo.patience import Patience
from pipeline.demo.plan import plan
from pipeline.demo.poison import KINDS, Poison, summed
from pipeline.demo.progress import ProgressLines
from pipeline.demo.report import as_json, ok, show, show_poison
from pipeline.demo.run import DemoError, Pipeline, Run
from pipeline.demo.showing import shown
from pipeline.trace import show as show_trace

PATIENCE_SECONDS = 120.0
"""Firehose's buffer is the longest wait of a run, and is over in five seconds at the default speed."""


@dataclass(frozen=True)
class Options:
    """What the command was asked for.

    Args:
        orders: how many are sent.
        seed: decides them and what happens to them; None for the target's default.
        speed: AWS seconds in one real second.
        elements: length of the external API's answer.
        poison: send what could stop others, too.
        keep: stay up afterwards.
        console: serve the console.
        record: where the run is written as a page; None for nowhere.
        json: print the result as one JSON object in the last line.
        patience: seconds without a step forward after which it is given up; None for the target's default.
    """

    orders: int
    seed: int | None
    speed: float
    elements: int
    poison: bool
    keep: bool
    console: bool
    record: Path | None
    json: bool
    patience: float | None = None


def on_aws(options: Options, stack_name: str, outputs_file: Path | None, yes: bool) -> int:
    """Send orders through a stack that is deployed on AWS.

    Args:
        options: what was asked for; the default seed is a new one.
        stack_name: the stack.
        outputs_file: what ``pulumi stack output --json`` printed; None asks Pulumi.
        yes: do not ask before orders are sent.

    Returns:
        The exit code: 1 when the accounting does not add up, or nothing could be sent.
    """
    # It loads all components, for what a run costs; a run here has no use for them.
    from pipeline.demo.target import send_to_aws

    console = progress.console(stderr=options.json)
    ended_by_signals(console)
    stop, begin = stopped_by_ctrl_c(console), time.perf_counter()
    seed = options.seed or time.time_ns() % 2**31
    try:
        sent = send_to_aws(console, stack_name, outputs_file, options.orders, seed, yes, stop, options.patience)
    except (DemoError, QueryFailed) as error:
        console.print(f"[red]Error[/]: {escape(str(error))}")
        return 1
    show(console, sent)
    if options.json:
        typer.echo(as_json(sent, {"run": time.perf_counter() - begin}))
    return 0 if ok(sent) else 1


def here(options: Options) -> int:
    """Deploy the pipeline into an embedded AWS and send orders through it.

    Args:
        options: what was asked for; the default seed is 1.

    Returns:
        The exit code: 1 when the accounting does not add up, or the pipeline could not be deployed.
    """
    console = progress.console(stderr=options.json)
    ended_by_signals(console)
    try:
        with ProgressLines(console) as told:
            return _here(options, console, told)
    except (SandboxError, DemoError, QueryFailed) as error:
        console.print(f"[red]Error[/]: {escape(str(error))}")
        return 1


def _here(options: Options, console: Console, told: ProgressLines) -> int:
    orders, elements, poison = options.orders, options.elements, options.poison
    seed = 1 if options.seed is None else options.seed
    seconds = {"install": float(os.environ.get("SANDBOX_INSTALL_SECONDS", "0"))}
    begin = time.perf_counter()
    with contextlib.ExitStack() as running:
        with told.working("starting"):
            external = running.enter_context(external_api(elements, seed=seed))
            program = running.enter_context(begun(PROGRAM, config={"external_api_url": external.url}))
            aws = running.enter_context(embedded_aws(options.speed, seed))
        seconds["start"] = time.perf_counter() - begin
        console.print(f"Embedded AWS at {aws.endpoint}, time x {options.speed:g} ({seconds['start']:.1f} s)")
        stack = _deployed(aws, program, console, told, seconds)
        running.enter_context(announced(aws, str(PROGRAM)))
        stop = stopped_by_ctrl_c(console)
        outputs = stack.outputs
        begin = time.perf_counter()
        client = OrdersClient(outputs["api_url"], Credentials(ROOT_KEY, ROOT_SECRET), REGION)
        pipeline = Pipeline(aws.client, outputs)
        run = Run(pipeline, client, told, Patience(options.patience or PATIENCE_SECONDS), stop)
        watched = running.enter_context(
            shown(aws, stack, client, run.ledger, stop, console, serve=options.console, record=options.record)
        )
        console.print(f"Sending {orders} orders (seed {seed})")
        planned = plan(orders, seed)
        behind = BackHalf(aws.client, outputs, aws.cloud.account)
        among = Poison(client, aws.client, outputs, behind, pipeline.rows, seed)
        with ThreadPoolExecutor(1, thread_name_prefix="poison") as pool:
            poisoned = pool.submit(run.send_poison, among, len(KINDS) if poison else 0)
            run.send(planned)
            poisoned.result()
        run.settle()
        run.follow(behind, lambda: _advance_to_load(aws, outputs["schedule_name"], console))
        fates = run.fates(among) if poison else []
        with told.working("counting"):
            # What is interrupted is counted as far as it came: at the table.
            result = run.account(None if stop.is_set() else behind)
        seconds["run"] = time.perf_counter() - begin
        console.print(
            f"External API: {external.answered} answers of {elements} elements, "
            f"{external.throttled} calls throttled with Retry-After"
        )
        if poison:
            show_poison(console, fates)
        show(console, result)
        with told.working("tracing an order"):
            traced = None if stop.is_set() else run.trace(planned)
        if traced is not None:
            show_trace(console, traced)
        phases = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
        console.print(f"Seconds: {phases}")
        watched.write()
        if options.keep:
            _stay(console, outputs["api_url"], aws.endpoint, stop)
        if options.json:
            more = {"poison": summed(fates)} if poison else {}
            typer.echo(as_json(result, seconds, traced, **more))
        return 0 if ok(result) and all(fate.settled for fate in fates) else 1


def _deployed(
    aws: Sandbox, program: Program, console: Console, told: ProgressLines, seconds: dict[str, float]
) -> Stack:
    begin, made = time.perf_counter(), 0

    def progress(_token: str, name: str) -> None:
        nonlocal made
        made += 1
        told("resources", made, None, name)

    console.print("Deploying the pipeline, stack sandbox")
    with told.working("resources"):
        stack = program.into(aws.cloud, progress)
    seconds["deploy"] = time.perf_counter() - begin
    console.print(f"  {len(stack.resources)} resources in {seconds['deploy']:.1f} s")
    return stack


def _advance_to_load(aws: Sandbox, schedule: str, console: Console) -> None:
    """The load is daily: the clock of the schedules is moved on to its next time."""
    scheduler: Scheduler = aws.cloud.service("scheduler")
    moment = scheduler.advance_to_next(schedule)
    console.print(f"Moved on to {moment:%Y-%m-%d %H:%M} UTC, the time of the daily load")


def _stay(console: Console, url: str, endpoint: str, stop: threading.Event) -> None:
    user = f"{ROOT_KEY}:{ROOT_SECRET}"
    console.print(
        f"""
The API is up at {url} until Ctrl-C. Call it, for example:

  curl --aws-sigv4 aws:amz:{REGION}:execute-api --user {user} \\
    -H 'Idempotency-Key: my-first-order' -H 'Content-Type: application/json' \\
    -d '{{"customer":"c-1","sku":"SKU-0001","quantity":2}}' {url}/orders

  AWS_ACCESS_KEY_ID={ROOT_KEY} AWS_SECRET_ACCESS_KEY={ROOT_SECRET} AWS_REGION={REGION} \\
    aws --endpoint-url {endpoint} stepfunctions list-state-machines
""",
        soft_wrap=True,
        markup=False,
    )
    stop.wait()
