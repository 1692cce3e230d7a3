"""In every partition of AWS a program has ARNs of that partition alone."""

import json
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict
from pulumi_aws_eda.testing import REGIONS, Recording, record

from pipeline import documents
from tests.unit import component_cases

OTHERS = [partition for partition in REGIONS if partition != "aws"]
GIVEN = tuple(set(re.findall(r'"(arn:aws:[^"]+)"', Path(component_cases.__file__).read_text())))
"""What the cases themselves name, in the partition ``aws``."""
_ARN = re.compile(r"arn:(aws[a-z-]*):")
_HOST = re.compile(r"[a-z0-9-]+\.(?:[a-z]{2}(?:-[a-z]+)+-\d)\.(?:[a-z0-9-]+\.)*amazonaws\.com(?:\.cn)?")


def texts(made: Recording) -> Iterator[str]:
    """All that a program gives the engine, with the parts of documents."""
    for found in made.resources:
        yield json.dumps(found.inputs, default=str)
    for outputs in made.outputs.values():
        yield json.dumps(MessageToDict(outputs))
    yield json.dumps(made.exports, default=str)


def foreign(made: Recording, partition: str, given: tuple[str, ...] = ()) -> list[str]:
    wrong = []
    for text in texts(made):
        for argument in given:
            text = text.replace(argument, "")
        wrong += [text[found.start() : found.start() + 60] for found in _ARN.finditer(text) if found[1] != partition]
    return wrong


@pytest.mark.parametrize("partition", OTHERS)
@pytest.mark.parametrize("case", component_cases.CASES.values(), ids=component_cases.CASES)
def test_a_component_names_its_own_partition_alone(case: Callable[[], None], partition: str) -> None:
    made = record(case, partition=partition)
    assert any(f"arn:{partition}:" in text for text in texts(made))
    assert foreign(made, partition, GIVEN) == []


@pytest.mark.parametrize("partition", OTHERS)
def test_the_pipeline_names_its_own_partition_alone(partition: str) -> None:
    given = {
        "orders:external_api_url": "https://offers.example.com",
        **{
            key: str(value).replace("arn:aws:", f"arn:{partition}:").replace("eu-central-1", REGIONS[partition])
            for key, value in documents.config("prod").items()
        },
    }
    program = str(documents.ROOT / "__main__.py")
    made = record(lambda: runpy.run_path(program), given, project="orders", stack="prod", partition=partition)
    assert foreign(made, partition) == []
    hosts = {host for text in texts(made) for host in _HOST.findall(text)}
    assert hosts
    assert {host.endswith(".cn") for host in hosts} == {partition == "aws-cn"}
