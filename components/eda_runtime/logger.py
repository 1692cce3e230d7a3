"""The one logger: JSON lines as Powertools' logger writes them, with the pipeline's keys.

Keys of every line: ``level``, ``location``, ``message``, ``timestamp``, ``service``, ``correlation_id``,
``function_name``, ``function_request_id``, ``cold_start``, ``xray_trace_id``. Payloads are never logged.

Loading Powertools costs more than all else that a small function loads, so this one gets along without. A handler's own
``Logger()`` of Powertools, with the function's service name, shares its keys and its stream.

Environment, with the names and meanings that Powertools gives them:
    POWERTOOLS_SERVICE_NAME: what ``service`` says.
    POWERTOOLS_LOG_LEVEL: the least level that is written, default ``INFO``. ``AWS_LAMBDA_LOG_LEVEL``, which Lambda sets
        by the function's own setting, wins, unless invocations are sampled.
    POWERTOOLS_LOGGER_SAMPLE_RATE: which part of the invocations (0 to 1) writes all levels.
"""

import json
import logging
import os
import string
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

from eda_runtime.settings import SettingsError

Handler = Callable[[Any, Any], Any]
_LAMBDA_LEVELS = {"TRACE": "NOTSET", "DEBUG": "DEBUG", "INFO": "INFO", "WARN": "WARNING", "ERROR": "ERROR"}
_LAMBDA_LEVELS["FATAL"] = "CRITICAL"
_OF_THE_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"asctime", "level", "location", "message", "timestamp"}
"""What each record has, or each line, of its own; all else is the caller's."""
_BEGINS_A_SENTENCE = frozenset(string.ascii_letters) - frozenset("ftnIN")
"""No JSON begins with them; to find that out by reading costs as much as the rest of the line."""
_write = json.JSONEncoder(default=str, separators=(",", ":"), ensure_ascii=False).encode


class JsonLines(logging.Formatter):
    """A record as a line of JSON, with the keys that were appended."""

    def __init__(self, keys: Mapping[str, Any]) -> None:
        super().__init__()
        self._always = dict(keys)
        self._keys = dict(keys)

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "level": record.levelname,
            "location": f"{record.funcName}:{record.lineno}",
            "message": _message(record),
            "timestamp": self.formatTime(record),
            **self._keys,
            **{name: value for name, value in vars(record).items() if name not in _OF_THE_RECORD},
        }
        if record.exc_info and record.exc_info[0] is not None:
            for name, value in _told(self.formatException(record.exc_info), record.exc_info).items():
                line.setdefault(name, value)
        trace = os.environ.get("_X_AMZN_TRACE_ID")
        line["xray_trace_id"] = trace.split(";")[0].replace("Root=", "") if trace else None
        known = {name: value for name, value in line.items() if value is not None}
        return _write(known)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002  # the base's
        """``2026-01-31 13:00:00,123+0000``."""
        return time.strftime(f"%Y-%m-%d %H:%M:%S,{int(record.msecs):03d}%z", time.localtime(record.created))

    # The names are those by which a logger of Powertools finds its formatter's keys.

    def append_keys(self, **keys: Any) -> None:
        """Let each line have these keys; one whose value is None is left out."""
        self._keys |= keys

    def remove_keys(self, keys: Iterable[str]) -> None:
        """Let no further line have these keys."""
        for key in keys:
            self._keys.pop(key, None)

    def get_current_keys(self) -> dict[str, Any]:
        """The keys of each line."""
        return self._keys

    def clear_state(self) -> None:
        """Let no further line have keys that were appended."""
        self._keys = dict(self._always)

    @contextmanager
    def append_context_keys(self, **keys: Any) -> Iterator[None]:
        """Let each line within have these keys."""
        self.append_keys(**keys)
        try:
            yield
        finally:
            self.remove_keys(keys)

    thread_safe_append_keys = append_keys
    thread_safe_remove_keys = remove_keys
    thread_safe_get_current_keys = get_current_keys

    def thread_safe_clear_keys(self) -> None:
        """No key is of one thread alone."""


def _message(record: logging.LogRecord) -> Any:
    if isinstance(record.msg, dict):
        return record.msg
    if record.args:
        return record.getMessage()
    if isinstance(record.msg, str):
        if record.msg[:1] in _BEGINS_A_SENTENCE:
            return record.msg
        try:
            return json.loads(record.msg)
        except (ValueError, RecursionError):
            return record.msg
    return record.msg


def _told(text: str, failure: Any) -> dict[str, Any]:
    """What a line says of an exception."""
    kind, value, trace = failure
    frames = [
        {"file": frame.filename, "line": frame.lineno, "function": frame.name, "statement": frame.line}
        for frame in traceback.extract_tb(trace)
    ]
    return {
        "exception": text,
        "exception_name": kind.__name__,
        "exception_notes": getattr(value, "__notes__", None),
        "stack_trace": {"type": kind.__name__, "value": value, "module": type(value).__module__, "frames": frames},
    }


class Logger:
    """Writes lines; every further argument of theirs by name is a key."""

    def __init__(self) -> None:
        service = os.environ.get("POWERTOOLS_SERVICE_NAME") or "service_undefined"
        rate = os.environ.get("POWERTOOLS_LOGGER_SAMPLE_RATE")
        try:
            self._rate = float(rate or 0)
        except ValueError:
            raise SettingsError(f"POWERTOOLS_LOGGER_SAMPLE_RATE is {rate!r}; it must be a number from 0 to 1") from None
        self._formatter = JsonLines({"service": service, **({"sampling_rate": rate} if rate else {})})
        self.registered_handler = logging.StreamHandler(sys.stdout)
        self.registered_handler.setFormatter(self._formatter)
        self._logger = logging.getLogger(service)
        # Lambda's own handler would write the line once more.
        self._logger.propagate = False
        self._logger.handlers = [self.registered_handler]
        self._logger.setLevel(_level(sampled=bool(self._rate)))
        self._level = self._logger.level
        self._sample()
        # By these a logger of Powertools knows that its handler is there already.
        vars(self._logger).update(
            init=True,
            powertools_handler=self.registered_handler,
            powertools_buffer_config=None,
            powertools_buffer_cache=None,
        )
        self._cold = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "provisioned-concurrency"

    @property
    def log_level(self) -> int:
        """The least level that is written, as ``logging`` numbers them."""
        return self._logger.level

    def debug(self, msg: object, *args: object, extra: Mapping[str, Any] | None = None, **keys: Any) -> None:
        """Write a line that only samples have."""
        self._logger.debug(msg, *args, **_options(extra, keys))

    def info(self, msg: object, *args: object, extra: Mapping[str, Any] | None = None, **keys: Any) -> None:
        """Write a line."""
        self._logger.info(msg, *args, **_options(extra, keys))

    def warning(self, msg: object, *args: object, extra: Mapping[str, Any] | None = None, **keys: Any) -> None:
        """Write a line about what somebody may have to look at."""
        self._logger.warning(msg, *args, **_options(extra, keys))

    def error(self, msg: object, *args: object, extra: Mapping[str, Any] | None = None, **keys: Any) -> None:
        """Write a line about a failure."""
        self._logger.error(msg, *args, **_options(extra, keys))

    def critical(self, msg: object, *args: object, extra: Mapping[str, Any] | None = None, **keys: Any) -> None:
        """Write a line about a failure that lasts."""
        self._logger.critical(msg, *args, **_options(extra, keys))

    def exception(self, msg: object, *args: object, extra: Mapping[str, Any] | None = None, **keys: Any) -> None:
        """Write a line about the exception that is being handled."""
        self._logger.error(msg, *args, **_options(extra, {"exc_info": True, **keys}))

    def append_keys(self, **keys: Any) -> None:
        """Let each line until the invocation's end have these keys; one whose value is None is left out."""
        self._formatter.append_keys(**keys)

    def remove_keys(self, keys: Iterable[str]) -> None:
        """Let no further line have these keys."""
        self._formatter.remove_keys(keys)

    def get_current_keys(self) -> dict[str, Any]:
        """The keys of each line."""
        return self._formatter.get_current_keys()

    def append_context_keys(self, **keys: Any) -> Any:
        """A context within which each line has these keys."""
        return self._formatter.append_context_keys(**keys)

    def set_correlation_id(self, value: str | None) -> None:
        """Let each line until the invocation's end have this id."""
        self.append_keys(correlation_id=value)

    def get_correlation_id(self) -> str | None:
        """The id that each line has."""
        return self.get_current_keys().get("correlation_id")

    def inject_lambda_context(self, handler: Handler) -> Handler:
        """A handler whose lines name its function and invocation, and which begins without keys of the last one."""

        @wraps(handler)
        def named(event: Any, context: Any) -> Any:
            self._formatter.clear_state()
            self.append_keys(
                cold_start=self._cold,
                function_name=context.function_name,
                function_memory_size=context.memory_limit_in_mb,
                function_arn=context.invoked_function_arn,
                function_request_id=context.aws_request_id,
            )
            if not self._cold:
                # The first invocation's was drawn with the environment.
                self._sample()
            self._cold = False
            return handler(event, context)

        return named

    def _sample(self) -> None:
        drawn = self._rate and int.from_bytes(os.urandom(4), "big") / 2**32 < self._rate
        level = logging.DEBUG if drawn else self._level
        # Setting it empties what every logger of the process knows about levels.
        if self._logger.level != level:
            self._logger.setLevel(level)


def _options(extra: Mapping[str, Any] | None, keys: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {name: keys.pop(name) for name in ("exc_info", "stack_info") if name in keys}
    # The caller's line, not this module's.
    return {**options, "stacklevel": keys.pop("stacklevel", 2), "extra": {**(extra or {}), **keys}}


def _level(sampled: bool) -> str:
    own = (os.environ.get("POWERTOOLS_LOG_LEVEL") or os.environ.get("LOG_LEVEL") or "INFO").upper()
    if sampled:
        # The function's level in Lambda is DEBUG then, or Lambda would drop the samples' lines.
        return own
    return _LAMBDA_LEVELS.get(os.environ.get("AWS_LAMBDA_LOG_LEVEL", "")) or own


logger = Logger()
# Lambda sets the root logger to the function's level; the SDK's lines would come without the pipeline's keys.
for noisy in ("boto3", "botocore", "urllib3"):
    logging.getLogger(noisy).setLevel(logging.WARNING)
