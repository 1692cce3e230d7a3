"""``python -m pipeline demo``: orders through the whole pipeline, in the embedded AWS or on AWS."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from botocore.credentials import Credentials
from eda_sandbox.embedded import Sandbox, embedded_aws
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.deploy import Stack, deploy
from eda_sandbox.services.scheduler import Scheduler
from rich.console import Console

from pipeline import PROGRAM
from pipeline.demo.back_half import BackHalf, QueryFailed
from pipeline.demo.client import OrdersClient
from pipeline.demo.external_api import external_api
from pipeline.demo.plan import plan
from pipeline.demo.poison import KINDS, Poison, summed
from pipeline.demo.report import ProgressLines, as_json, ok, show, show_poison
from pipeline.demo.run import DemoError, Pipeline, Run
from pipeline.demo.target import send_to_aws
from pipeline.trace import show as show_trace


class Target(Enum):
    """Where the demo sends its orders."""

    SANDBOX = "sandbox"
    AWS = "aws"


def demo(
    orders: Annotated[int, typer.Option(min=1, max=100_000, help="How many orders are sent.")] = 100,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Decides the orders and what happens to them; default 1, on AWS a new one.", show_default=False
        ),
    ] = None,
    speed: Annotated[float, typer.Option(min=1, help="AWS seconds in one real second, for all that waits.")] = 60,
    elements: Annotated[int, typer.Option(min=1, help="Length of the external API's answer.")] = 50_000,
    poison: Annotated[
        bool,
        typer.Option("--poison", help="Send what could stop others among the orders, and show what became of each."),
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Stay up afterwards, until Ctrl-C.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object in the last line.")] = False,
    target: Annotated[
        Target, typer.Option(help="The embedded AWS, or a stack that is deployed on AWS.")
    ] = Target.SANDBOX,
    stack_name: Annotated[str, typer.Option("--stack", help="On AWS: the stack's name.")] = "dev",
    outputs_file: Annotated[
        Path | None, typer.Option("--outputs", help="On AWS: what pulumi stack output --json printed.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="On AWS: do not ask before orders are sent.")] = False,
) -> None:
    """Deploy the pipeline into the embedded AWS, send orders through it, and count what became of them.

    Ends with 1 when the accounting does not add up.
    """
    console = Console(stderr=json, highlight=False)
    stop = threading.Event()

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        console.print("\nStopping; what was sent is still counted (Ctrl-C again to end at once).")

    signal.signal(signal.SIGINT, interrupted)
    if target is Target.AWS:
        begin = time.perf_counter()
        try:
            sent = send_to_aws(console, stack_name, outputs_file, orders, seed or time.time_ns() % 2**31, yes, stop)
        except (DemoError, QueryFailed) as error:
            console.print(f"[red]Error[/]: {error}", soft_wrap=True)
            raise typer.Exit(1) from None
        show(console, sent)
        if json:
            typer.echo(as_json(sent, {"run": time.perf_counter() - begin}))
        raise typer.Exit(0 if ok(sent) else 1)
    seed = 1 if seed is None else seed
    seconds = {"install": float(os.environ.get("SANDBOX_INSTALL_SECONDS", "0"))}
    begin = time.perf_counter()
    try:
        with embedded_aws(speed, seed) as aws, external_api(elements, seed=seed) as external:
            seconds["start"] = time.perf_counter() - begin
            console.print(f"Embedded AWS at {aws.endpoint}, time x {speed:g} ({seconds['start']:.1f} s)")
            stack = _deployed(aws, external.url, console, seconds)
            outputs = stack.outputs
            begin = time.perf_counter()
            client = OrdersClient(outputs["api_url"], Credentials(ROOT_KEY, ROOT_SECRET), REGION)
            pipeline = Pipeline(aws.client, outputs)
            run = Run(pipeline, client, ProgressLines(console), 60 + 2.0 * orders, stop)
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
            traced = None if stop.is_set() else run.trace(planned)
            if traced is not None:
                show_trace(console, traced)
            phases = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
            console.print(f"Seconds: {phases}")
            if keep:
                _stay(console, outputs["api_url"], aws.endpoint, stop)
            if json:
                more = {"poison": summed(fates)} if poison else {}
                typer.echo(as_json(result, seconds, traced, **more))
            raise typer.Exit(0 if ok(result) and all(fate.settled for fate in fates) else 1)
    except (SandboxError, DemoError, QueryFailed) as error:
        console.print(f"[red]Error[/]: {error}", markup=True)
        raise typer.Exit(1) from None


def _deployed(aws: Sandbox, external_url: str, console: Console, seconds: dict[str, float]) -> Stack:
    begin, made = time.perf_counter(), 0

    def progress(_token: str, name: str) -> None:
        nonlocal made
        made += 1
        if console.is_terminal:
            console.print(f"\r\033[K  {made:>3}  {name}", end="")

    console.print("Deploying the pipeline, stack sandbox")
    stack = deploy(aws.cloud, PROGRAM, config={"external_api_url": external_url}, progress=progress)
    seconds["deploy"] = time.perf_counter() - begin
    end = "\r\033[K" if console.is_terminal else ""
    console.print(f"{end}  {len(stack.resources)} resources in {seconds['deploy']:.1f} s")
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
