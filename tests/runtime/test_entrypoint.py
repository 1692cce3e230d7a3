"""The entrypoint as Lambda runs it: in a process of its own, with the environment of the component."""

import json
import os
import subprocess
import sys
from pathlib import Path

import eda_runtime
import pytest

pytestmark = pytest.mark.slow  # a process for each request

RUN = """
import json, sys
from eda_runtime import entrypoint
class Context:
    function_name = "f"; memory_limit_in_mb = 128; invoked_function_arn = "arn"; aws_request_id = "request-1"
print("ANSWER " + json.dumps(entrypoint.handler(json.loads(sys.argv[1]), Context())))
"""
HANDLER = """
from eda_runtime.http import Problem
from eda_runtime.logger import logger
def handle(event, context):
    logger.info("inside")
    if event.get("fail"):
        raise Problem(409, "not now", {"Retry-After": "1"})
    return {"ok": True}
"""
HTTP = {"httpMethod": "GET", "requestContext": {"requestId": "gateway-1", "resourcePath": "/x"}, "headers": {}}


def run(folder: Path, event: dict[str, object], handler: str = "mine.handle") -> subprocess.CompletedProcess[str]:
    (folder / "mine.py").write_text(HANDLER)
    # The package that this process tests, not one that is installed beside it.
    path = os.pathsep.join([str(folder), str(Path(eda_runtime.__file__).parents[1])])
    environment = {"EDA_HANDLER": handler, "POWERTOOLS_SERVICE_NAME": "svc", "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(event)], env=environment, capture_output=True, text=True, check=False
    )


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def answer(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(done.stdout.split("ANSWER ")[1])
    return found


@pytest.mark.parametrize(
    ("event", "correlation_id"),
    [
        ({"envelope": {"correlation_id": "c-1"}}, "c-1"),
        ({"id": "e-1", "detail-type": "T", "detail": {"envelope": {"correlation_id": "c-2"}}}, "c-2"),
        ({"id": "e-1", "detail-type": "T", "detail": {}}, "e-1"),
        ({"Records": [{"eventSource": "aws:sqs", "body": '{"correlation_id": "c-3"}'}]}, "c-3"),
        ({**HTTP, "headers": {"X-Correlation-Id": "c-2"}}, "c-2"),
        ({**HTTP, "pathParameters": {"order_id": "o-3"}}, "o-3"),
        (HTTP, "gateway-1"),
        ({}, "request-1"),
    ],
)
def test_every_line_has_the_correlation_id(tmp_path: Path, event: dict[str, object], correlation_id: str) -> None:
    done = run(tmp_path, event)
    written = lines(done)
    assert written, done.stderr
    assert {line["correlation_id"] for line in written} == {correlation_id}
    assert {line["service"] for line in written} == {"svc"}
    assert answer(done) == {"ok": True}


def test_a_bad_correlation_id_is_refused_before_the_handler_and_names_no_line(tmp_path: Path) -> None:
    done = run(tmp_path, {**HTTP, "headers": {"x-correlation-id": "two words"}})
    answered = answer(done)
    assert answered["statusCode"] == 400
    assert "X-Correlation-Id" in str(answered["body"])
    assert [line["message"] for line in lines(done)] == ["request", "refused"]
    assert {line["correlation_id"] for line in lines(done)} == {"gateway-1"}


def test_the_first_line_of_a_route_joins_the_gateways_request_id(tmp_path: Path) -> None:
    first = lines(run(tmp_path, HTTP))[0]
    assert (first["message"], first["request_id"]) == ("request", "gateway-1")


@pytest.mark.parametrize("file", sorted((Path(__file__).parent / "events").iterdir()), ids=lambda file: file.stem)
def test_a_problem_is_an_answer_to_a_request_of_every_service(tmp_path: Path, file: Path) -> None:
    done = run(tmp_path, {**json.loads(file.read_text()), "fail": True})
    answered = answer(done)
    assert answered["statusCode"] == 409
    assert ("statusDescription" in answered) is file.stem.startswith(("load_balancer", "lattice"))
    assert lines(done)[0]["message"] == "request"


def test_a_problem_is_an_answer_for_http_and_an_error_otherwise(tmp_path: Path) -> None:
    done = answer(run(tmp_path, {**HTTP, "fail": True}))
    assert done["statusCode"] == 409
    assert run(tmp_path, {"fail": True}).returncode != 0


@pytest.mark.parametrize(
    ("handler", "message"),
    [("mine", "it must be module.function"), ("mine.nothing", "has no function nothing")],
)
def test_a_wrong_handler_is_named(tmp_path: Path, handler: str, message: str) -> None:
    done = run(tmp_path, {}, handler)
    assert done.returncode != 0
    assert message in done.stderr


def test_with_opentelemetrys_layer_the_span_is_annotated(tmp_path: Path) -> None:
    package = tmp_path / "opentelemetry"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "trace.py").write_text(
        "class Span:\n"
        "    def set_attributes(self, values): print('SPAN', values)\n"
        "    def set_attribute(self, name, value): print('SPAN', {name: value})\n"
        "def get_current_span(): return Span()\n"
    )
    done = run(tmp_path, {**HTTP, "pathParameters": {"order_id": "o-1"}})
    spans = [line.removeprefix("SPAN ") for line in done.stdout.splitlines() if line.startswith("SPAN")]
    assert spans == [
        "{'correlation_id': 'o-1', 'order_id': 'o-1'}",
        "{'aws.xray.annotations': ['correlation_id', 'order_id']}",
    ], done.stderr


def test_what_fails_says_so_with_the_correlation_id_before_the_runtime_does(tmp_path: Path) -> None:
    done = run(tmp_path, {"envelope": {"correlation_id": "c-1", "causation_id": "cause"}, "fail": True})
    assert done.returncode != 0
    first, *_, last = lines(done)
    assert (first["message"], first["causation_id"]) == ("invoked", "cause")
    assert last["correlation_id"] == "c-1"


def test_a_body_that_is_longer_than_the_api_takes_never_comes_to_the_handler(tmp_path: Path) -> None:
    told = {"stageVariables": {"eda_maximum_request_bytes": "4", "eda_cors_origins": "any"}}
    done = run(tmp_path, {**HTTP, **told, "body": "\u00e4\u00e4\u00e4"})
    assert answer(done)["statusCode"] == 413
    assert answer(done)["headers"]["Access-Control-Allow-Origin"] == "*"  # type: ignore[index]  # JSON
    assert [line["message"] for line in lines(done)] == ["request", "refused"]
    # Six characters that are four bytes.
    assert answer(run(tmp_path, {**HTTP, **told, "body": "eHh4eA==", "isBase64Encoded": True})) == {"ok": True}
