"""Every alarm says where its runbook is, and the runbooks say what can be done."""

import re
import typing
from pathlib import Path

import pytest
import typer
from pulumi_aws_eda import IdempotentLambda, log_queries
from pulumi_aws_eda._parts.observability import runbooks
from pulumi_aws_eda.testing import Recording, record

from pipeline.__main__ import app
from tests.unit.component_cases import CASES, CODE, recorded
from tests.unit.test_observability import stack
from tests.unit.test_pipeline import ROOT, run

FOLDER = ROOT / runbooks.FOLDER
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
SECTIONS = ["What it means", "What to look at", "How to redrive"]


def links(made: Recording) -> dict[str, str]:
    """The last line of each alarm's description, by the alarm's name."""
    return {name: alarm.inputs["alarmDescription"].splitlines()[-1] for name, alarm in made.of(ALARM).items()}


@pytest.mark.parametrize("name", ["dev", "staging", "prod", "sandbox"])
def test_every_alarm_of_the_pipeline_links_to_a_page_that_exists(name: str) -> None:
    for alarm, line in links(run(name)).items():
        assert line.startswith("Runbook: docs/runbooks/"), alarm
        assert (ROOT / line.removeprefix("Runbook: ")).is_file(), (alarm, line)


def test_every_page_belongs_to_an_alarm() -> None:
    made = [run("prod"), stack(), *map(recorded, CASES)]
    linked = {line.removeprefix("Runbook: docs/runbooks/") for recording in made for line in links(recording).values()}
    assert {path.name for path in PAGES} == linked


def test_a_dead_letter_queue_of_the_pipeline_has_a_page_of_its_own_where_it_is_redriven_in_its_own_way() -> None:
    pages = {name: line.rpartition("/")[2] for name, line in links(run("prod")).items() if "dlq" in name}
    assert pages == {
        "orders-workflow-dlq-messages": "dead-letters-workflow.md",
        "orders-workflow-reconciler-dlq-messages": "dead-letters-workflow-reconciler.md",
        "orders-raw-dlq-messages": "dead-letters-changes.md",
        "orders-analytics-query-dlq-messages": "dead-letters-queries.md",
        "orders-analytics-load-dlq-messages": "dead-letters-loads.md",
        "orders-analytics-refresh-dlq-messages": "dead-letters-refreshes.md",
        "orders-analytics-reconciler-dlq-messages": "dead-letters-reconciler.md",
        "notify-order-dlq-messages": "dead-letters.md",
        "suppliers-dlq-messages": "dead-letters.md",
    }


def test_the_address_of_the_pages_can_be_set() -> None:
    made = record(
        lambda: IdempotentLambda("f", {"code": CODE}), {"aws-eda:runbook_url": "https://wiki.example.com/runbooks/"}
    )
    assert links(made)["f-errors"] == "Runbook: https://wiki.example.com/runbooks/function-errors.md"


def test_a_description_with_a_long_address_stays_within_cloudwatchs_limit() -> None:
    made = record(CASES["AnalyticsChain"], {"aws-eda:runbook_url": "https://wiki.example.com/" + "a" * 500})
    assert all(len(alarm.inputs["alarmDescription"]) <= 1024 for alarm in made.of(ALARM).values())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_says_what_it_means_what_to_look_at_and_how_to_redrive(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    for section in re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]:
        assert section.strip()


@pytest.mark.parametrize("path", [*PAGES, FOLDER / "README.md"], ids=lambda path: path.stem)
def test_commands_queries_and_links_of_a_page_exist(path: Path) -> None:
    text = path.read_text()
    command = typing.cast("typing.Any", typer.main.get_command(app))
    for name, rest in re.findall(r"python -m pipeline ([\w-]+)([^`\n]*)", text):
        assert name in command.commands, name
        options = {option for parameter in command.commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= options, rest
    for name in re.findall(r"[Ss]aved quer(?:y|ies) `([\w-]+)`", text):
        assert name in log_queries.QUERIES, name
    for link in re.findall(r"\]\(([\w./-]+)\)", text):
        assert (FOLDER / link).is_file(), link


def test_the_index_names_every_page() -> None:
    text = (FOLDER / "README.md").read_text()
    assert {f"{page.stem}.md" for page in PAGES} <= set(re.findall(r"\]\(([\w./-]+)\)", text))
