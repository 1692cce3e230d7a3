"""What functions on 128 MB load: after a time-out they initialise again inside their own time."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bench.cold_start import Aws, Host
from bench.imports import Function, functions

pytestmark = pytest.mark.slow  # a process for each function

HEAVY = (
    "aws_lambda_powertools",
    "boto3",
    "botocore",
    "dataclasses",
    "email",
    "http",
    "inspect",
    "jmespath",
    "pathlib",
    "urllib",
    "urllib3",
)
"""Each of them costs a function on 7 % of a processor a tenth of a second and more."""
OF_THE_LIBRARY = {
    "eda_runtime",
    "eda_runtime.aws",
    "eda_runtime.aws.calls",
    "eda_runtime.aws.connection",
    "eda_runtime.aws.credentials",
    "eda_runtime.aws.items",
    "eda_runtime.aws.signature",
    "eda_runtime.claim_check",
    "eda_runtime.entrypoint",
    "eda_runtime.envelope",
    "eda_runtime.http",
    "eda_runtime.linked",
    "eda_runtime.links",
    "eda_runtime.logger",
    "eda_runtime.request_limits",
    "eda_runtime.settings",
    "eda_runtime.statuses",
    "handler",
}
OF_PYTHON = 26
"""Modules of the standard library that Lambda's runtime has not loaded: ssl, socket, hashlib, hmac, base64 and typing,
with what these load."""


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with TemporaryDirectory() as folder:
        yield Host(Path(folder))


def function(name: str) -> Function:
    (found,) = [each for each in functions("http://127.0.0.1:9") if each.name == name]
    return found


def own(host: Host, name: str) -> set[str]:
    """What is loaded for a function beside what Lambda's runtime has loaded."""
    each = function(name)
    return set(host.start(each.folder, each.variables, []).modules) - set(host.start("", {}, []).modules)


def test_get_order_loads_what_it_needs_and_nothing_else(host: Host) -> None:
    loaded = own(host, "get_order")
    assert not [name for name in loaded if name.partition(".")[0] in HEAVY]
    ours = {name for name in loaded if name.partition(".")[0] in ("eda_runtime", "handler")}
    assert ours == OF_THE_LIBRARY
    assert len(loaded - ours) <= OF_PYTHON, sorted(loaded - ours)


@pytest.fixture(scope="module")
def bare(host: Host) -> int:
    """How many modules are loaded with boto3's client and nothing else."""
    return len(host.start(None, {}, []).modules)


@pytest.mark.parametrize("each", functions("http://127.0.0.1:9"), ids=lambda each: each.name)
def test_each_function_keeps_its_budget_of_modules(each: Function, host: Host, bare: int) -> None:
    loaded = host.start(each.folder, each.variables, [], beside=each.beside).modules
    assert len(loaded) <= each.modules * bare


@pytest.mark.parametrize("name", ["add_details", "call_external_api", "token_keeper"])
def test_a_function_without_idempotency_does_not_load_powertools(name: str, host: Host) -> None:
    assert not [module for module in own(host, name) if module.startswith("aws_lambda_powertools")]


def test_a_first_request_loads_no_sdk_either(host: Host) -> None:
    each = function("get_order")
    with TemporaryDirectory() as folder, Aws() as aws:
        trusting = Host(Path(folder))
        trusting.trust(aws)
        started = trusting.start(each.folder, each.variables, each.requests)
    assert started.outcome["statusCode"] == 200
    assert not [name for name in started.at_the_end if name.partition(".")[0] in HEAVY]
