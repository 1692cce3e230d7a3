"""``python -m pipeline soak``: orders through the pipeline in the embedded AWS, while what it stands on fails."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import typer
from botocore.credentials import Credentials
from eda_sandbox.embedded import Sandbox, embedded_aws
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.deploy import deploy
from eda_sandbox.services.scheduler import Scheduler
from rich.markup import escape

from pipeline import PROGRAM
from pipeline.demo.back_half import BackHalf, QueryFailed
from pipeline.demo.external_api import external_api
from pipeline.demo.interrupting import ended_by_signals, stopped_by_ctrl_c
from pipeline.demo.patience import Patience
from pipeline.demo.plan import plan
from pipeline.demo.poison import Poison, summed
from pipeline.demo.progress import ProgressLines
from pipeline.demo.report import as_json, ok, show, show_poison
from pipeline.demo.run import DemoError, Pipeline
from pipeline.soak import report
from pipeline.soak.injecting import Injecting
from pipeline.soak.sending import PATIENT, SoakRun, connector
from pipeline.soak.settling import Settling
from pipeline.soak.specification import FORMS, SpecificationError, parse

SEND_SECONDS = 3600.0
"""Sending follows its clients' patience; this is no more than a last resort."""


def soak(
    orders: Annotated[int, typer.Option(min=1, max=100_000, help="How many orders are sent.")] = 100,
    seed: Annotated[int, typer.Option(help="Decides the orders, their clients and the faults.")] = 1,
    faults: Annotated[str, typer.Option(help=f"What is injected, separated by commas: {FORMS}.")] = "mixed:0.05",
    poison: Annotated[
        float, typer.Option(min=0, max=1, help="Share of requests and files that could stop others, beside the orders.")
    ] = 0,
    speed: Annotated[float, typer.Option(min=1, help="AWS seconds in one real second, for all that waits.")] = 60,
    elements: Annotated[int, typer.Option(min=1, help="Length of the external API's answer.")] = 200,
    list_edges: Annotated[
        bool, typer.Option("--list-edges", help="Print the calls that the pipeline makes, as faults name them.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object in the last line.")] = False,
) -> None:
    """Send orders through the pipeline in the embedded AWS while faults are injected at every edge between services;
    then stop the faults, run the reconcilers and every redrive until nothing changes, and count.

    Clients repeat a request that got no answer; some give up, and their orders are not accepted. "mixed" injects every
    kind at every edge, each at the rate; outages and throttles of a service last 40 minutes of AWS's time, from when a
    third of the orders is sent. Ends with 1 when the accounting does not add up. Ctrl-C still counts.
    """
    console = report.console(stderr=json)
    try:
        phases = parse(faults)
    except SpecificationError as error:
        raise typer.BadParameter(str(error), param_hint="--faults") from None
    ended_by_signals(console)
    begin, seconds = time.perf_counter(), {}
    try:
        with (
            ProgressLines(console) as progress,
            embedded_aws(speed, seed) as aws,
            external_api(elements, delay=0.05, seed=seed) as external,
        ):
            with progress.working("deploying"):
                stack = deploy(aws.cloud, PROGRAM, config={"external_api_url": external.url})
            stop = stopped_by_ctrl_c(console)
            seconds["deploy"] = time.perf_counter() - begin
            console.print(f"Embedded AWS, time x {speed:g}, the pipeline deployed ({seconds['deploy']:.1f} s)")
            aws.faults.clear()
            aws.faults.edges.clear()
            outputs = stack.outputs
            pipeline = Pipeline(aws.client, outputs)
            behind = BackHalf(aws.client, outputs, aws.cloud.account)
            connect = connector(outputs["api_url"], Credentials(ROOT_KEY, ROOT_SECRET), REGION)
            injecting = Injecting(aws.faults, aws.cloud.clock, phases, orders, progress)
            run = SoakRun(pipeline, connect, aws.faults, injecting.progress, Patience(SEND_SECONDS), stop, seed, orders)
            console.print(f"Sending {orders} orders (seed {seed}), faults: {faults}")
            poisoned = Poison(connect(PATIENT), aws.client, outputs, behind, pipeline.rows, seed)
            with injecting, ThreadPoolExecutor(1, thread_name_prefix="poison") as pool:
                sent = pool.submit(run.send_poison, poisoned, round(orders * poison))
                run.send(plan(orders, seed))
                sent.result()
                _load(aws, outputs["schedule_name"])
                injecting.wait(stop)
            seconds["sent"] = time.perf_counter() - begin
            settling = Settling(
                aws.client,
                outputs,
                pipeline,
                behind,
                lambda: set(run.ledger.accepted.values()),
                lambda: _load(aws, outputs["schedule_name"]),
                progress,
                stop,
                poisoned.take_messages,
            )
            settling.run()
            fates = run.fates(poisoned)
            result = run.account(None if stop.is_set() else behind)
            seconds["run"] = time.perf_counter() - begin
            injected = aws.faults.counts()
            report.show_injected(console, injected)
            report.show_done(console, settling.done)
            if list_edges:
                report.show_edges(console, aws.faults.edges)
            if fates:
                show_poison(console, fates)
            show(console, result)
            if stop.is_set():
                console.print("Interrupted: an order that still waits for a reconciler counts as lost here.")
            if json:
                told: dict[str, Any] = {"poison": summed(fates)} if fates else {}
                typer.echo(as_json(result, seconds, injected=injected, seed=seed, faults=faults, **told))
            raise typer.Exit(0 if ok(result) and all(fate.settled for fate in fates) else 1)
    except (SandboxError, DemoError, QueryFailed) as error:
        console.print(f"[red]Error[/]: {escape(str(error))}")
        raise typer.Exit(1) from None


def _load(aws: Sandbox, schedule: str) -> None:
    """The load is daily: the clock of the schedules is moved on to its next time."""
    scheduler: Scheduler = aws.cloud.service("scheduler")
    scheduler.advance_to_next(schedule)
