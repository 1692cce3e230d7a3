"""The runtime's logger writes the lines that Powertools' logger writes."""

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import eda_runtime
import pytest
from aws_lambda_powertools import Logger as PowertoolsLogger
from eda_runtime.logger import Logger
from eda_runtime.settings import SettingsError
from hypothesis import given
from hypothesis import strategies as st

CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=128, invoked_function_arn="arn", aws_request_id="request-1"
)
TEXT = st.text(max_size=15)
PLAIN = st.none() | st.booleans() | st.integers() | TEXT | st.just(Path("x"))
VALUES = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(TEXT, PLAIN, max_size=3)
MESSAGES = (
    TEXT | st.sampled_from(['{"a":1}', "[1, 2]", "12", "null", "100 %"]) | st.dictionaries(TEXT, PLAIN, max_size=3)
)
KEYS = st.dictionaries(st.sampled_from(["order_id", "status", "sampled", "exception_name"]), VALUES, max_size=3)
LINES = st.lists(
    st.tuples(st.sampled_from(["debug", "info", "warning", "error", "critical", "exception"]), MESSAGES, KEYS, KEYS),
    max_size=6,
)
TRACES = st.none() | st.just("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")


class Boom(Exception):
    """What is told of."""


def written(make: Any, lines: list[Any]) -> list[dict[str, Any]]:
    """What a logger writes of the lines, but the times."""
    logger = make()
    stream = io.StringIO()
    logger.registered_handler.setStream(stream)

    def handle(_event: Any, _context: Any) -> None:
        logger.set_correlation_id("c-1")
        for method, message, kept, keys in lines:
            logger.append_keys(**kept)
            failure = Boom("b")
            failure.add_note("note")
            try:
                raise failure
            except Boom:
                getattr(logger, method)(message, **keys)

    inject = logger.inject_lambda_context
    wrapped = inject(handle) if make is Logger else inject(handle, clear_state=True)
    wrapped({}, CONTEXT)
    wrapped({}, CONTEXT)
    found = [json.loads(line) for line in stream.getvalue().split("\n") if line]
    for line in found:
        assert line["timestamp"]
        line["timestamp"] = "now"
    return found


@given(LINES, TRACES)
def test_the_lines_are_those_of_powertools(lines: list[Any], trace: str | None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")
        patch.delenv("AWS_LAMBDA_LOG_LEVEL", raising=False)
        patch.delenv("POWERTOOLS_LOGGER_SAMPLE_RATE", raising=False)
        patch.setattr("aws_lambda_powertools.logging.logger.is_cold_start", True)
        if trace is None:
            patch.delenv("_X_AMZN_TRACE_ID", raising=False)
        else:
            patch.setenv("_X_AMZN_TRACE_ID", trace)
        both = []
        for make in (PowertoolsLogger, Logger):
            patch.setenv("POWERTOOLS_SERVICE_NAME", f"test.{make.__module__}")
            # A logger lasts as long as the process.
            logging.Logger.manager.loggerDict.pop(f"test.{make.__module__}", None)
            found = written(make, lines)
            for line in found:
                assert line.pop("service") == f"test.{make.__module__}"
            both.append(found)
    assert [list(line) for line in both[1]] == [list(line) for line in both[0]]
    assert both[1] == both[0]


def test_a_timestamp_is_local_time_with_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "timestamps")
    ours = Logger().registered_handler.formatter
    theirs = PowertoolsLogger(service="timestamps-of-powertools").registered_formatter
    assert ours is not None
    for moment in (0.0, 1_700_000_000.0004, 1_700_000_000.9996, 1_720_000_000.123):
        record = logging.makeLogRecord({"created": moment, "msecs": (moment - int(moment)) * 1000 + 0.0})
        assert ours.formatTime(record) == theirs.formatTime(record)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"POWERTOOLS_LOG_LEVEL": "WARNING"},
        {"POWERTOOLS_LOG_LEVEL": "debug"},
        {"LOG_LEVEL": "ERROR"},
        {"LOG_LEVEL": "ERROR", "POWERTOOLS_LOG_LEVEL": "INFO"},
        {"POWERTOOLS_LOG_LEVEL": "INFO", "AWS_LAMBDA_LOG_LEVEL": "WARN"},
        {"POWERTOOLS_LOG_LEVEL": "INFO", "AWS_LAMBDA_LOG_LEVEL": "FATAL"},
        {"POWERTOOLS_LOG_LEVEL": "INFO", "AWS_LAMBDA_LOG_LEVEL": "DEBUG"},
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_level_is_powertools(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POWERTOOLS_LOG_LEVEL", "LOG_LEVEL", "AWS_LAMBDA_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    levels = []
    for make in (PowertoolsLogger, Logger):
        service = f"level.{make.__module__}"
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", service)
        logging.Logger.manager.loggerDict.pop(service, None)
        make()
        levels.append(logging.getLogger(service).level)
    assert levels[1] == levels[0]


@pytest.mark.parametrize(("rate", "share"), [("1", 1.0), ("0", 0.0), ("0.5", 0.5)])
def test_a_part_of_the_invocations_writes_all_levels(rate: str, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "samples")
    monkeypatch.setenv("POWERTOOLS_LOGGER_SAMPLE_RATE", rate)
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")
    logger, stream = Logger(), io.StringIO()
    logger.registered_handler.setStream(stream)
    invoked = logger.inject_lambda_context(lambda _event, _context: logger.debug("detail"))
    for _ in range(400):
        invoked({}, CONTEXT)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert abs(len(lines) / 400 - share) <= (0.15 if 0 < share < 1 else 0)
    assert {line["sampling_rate"] for line in lines} <= {rate}


def test_a_rate_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_SAMPLE_RATE", "often")
    with pytest.raises(SettingsError, match="POWERTOOLS_LOGGER_SAMPLE_RATE"):
        Logger()


BOTH = """
import logging
logging.getLogger().addHandler(logging.StreamHandler())  # as Lambda's runtime has one
from eda_runtime.logger import logger
from aws_lambda_powertools import Logger
logger.set_correlation_id("c-1")
theirs, child = Logger(), Logger(child=True)
theirs.info("theirs"); child.info("child")
with theirs.append_context_keys(within=1):
    logger.info("ours")
theirs.append_keys(more=2); theirs.remove_keys(["more"])
logger.info("last")
assert theirs.get_current_keys()["correlation_id"] == "c-1"
"""


@pytest.mark.slow
def test_a_handlers_own_logger_of_powertools_shares_keys_and_stream() -> None:
    environment = {
        "POWERTOOLS_SERVICE_NAME": "svc",
        "PYTHONPATH": str(Path(eda_runtime.__file__).parents[1]),
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run([sys.executable, "-c", BOTH], env=environment, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["message"] for line in lines] == ["theirs", "child", "ours", "last"]
    assert {line["correlation_id"] for line in lines} == {"c-1"}
    assert {line["service"] for line in lines} == {"svc"}
    assert [line.get("within") for line in lines] == [None, None, 1, None]
    assert "more" not in lines[3]
    # None is written twice.
    assert done.stderr == ""
