"""What CloudWatch Logs refuses and answers where the emulator does otherwise (recorded, LocalStack test_logs_*.py)."""

import base64
import itertools
import re
import time
from typing import Any

from ministack.services import cloudwatch_logs as emulated

from eda_sandbox.foundation import log_events
from eda_sandbox.frontdoor.emulated_answers import Answer, changed
from eda_sandbox.frontdoor.log_patterns import pattern

Given = dict[str, Any]
LONGEST_NAME = 512
MOST_EVENTS = 10_000
"""Of an answer (API reference, FilterLogEvents, GetLogEvents)."""
OLDEST, NEWEST = 14 * 24 * 3_600_000, 2 * 3_600_000
"""Milliseconds behind and before now in which an event may be (API reference, PutLogEvents)."""
_EXISTENCE = re.compile(r"(The specified log (?:group|stream) (?:does not exist|already exists)).*")
_emulators = {
    name: getattr(emulated, name)
    for name in (
        "_create_log_group",
        "_create_log_stream",
        "_describe_log_groups",
        "_get_log_events",
        "_put_log_events",
        "error_response_json",
    )
}


def install() -> None:
    """Answer in the emulator's place; again does nothing."""
    log_events.install()
    emulated.error_response_json = _error
    emulated._create_log_group = lambda given: _named("_create_log_group", given)
    emulated._create_log_stream = lambda given: _named("_create_log_stream", given)
    emulated._describe_log_groups = _describe_groups
    emulated._filter_log_events = _filter
    emulated._get_log_events = _get
    emulated._put_log_events = _put


def _error(code: str, message: str, status: int = 400, *more: Any, **named: Any) -> Answer:
    if found := _EXISTENCE.fullmatch(message):
        message = found[1] if "already" in found[1] else f"{found[1]}."
    answer: Answer = _emulators["error_response_json"](code, message, status, *more, **named)
    return answer


def _invalid(message: str) -> Answer:
    return _error("InvalidParameterException", message)


def _named(operation: str, given: Given) -> Answer:
    if any(len(str(given.get(name, ""))) > LONGEST_NAME for name in ("logGroupName", "logStreamName")):
        return _invalid(f"Invalid LogGroup or LogStream, both must have length less than or equal to {LONGEST_NAME}.")
    answer: Answer = _emulators[operation](given)
    return answer


def _describe_groups(given: Given) -> Answer:
    if given.get("logGroupNamePrefix") and given.get("logGroupNamePattern"):
        return _invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
    return changed(
        _emulators["_describe_log_groups"](given),
        lambda found: {
            **found,
            "logGroups": [{"deletionProtectionEnabled": False, **group} for group in found["logGroups"]],
        },
    )


def _put(given: Given) -> Answer:
    events = given.get("logEvents", [])
    times = [event.get("timestamp", 0) for event in events]
    if times != sorted(times):
        return _invalid("Log events in a single PutLogEvents request must be in chronological order.")
    now = time.time() * 1000
    old = sum(at < now - OLDEST for at in times)
    new = sum(at > now + NEWEST for at in times)
    answer: Answer = _emulators["_put_log_events"]({**given, "logEvents": events[old : len(events) - new]})
    if not (old or new):
        return answer
    rejected = {"tooOldLogEventEndIndex": old} if old else {}
    rejected |= {"tooNewLogEventStartIndex": len(events) - new} if new else {}
    return changed(answer, lambda found: {**found, "rejectedLogEventsInfo": rejected})


def _limit(given: Given) -> str | None:
    limit = given.get("limit")
    if limit is None or limit <= MOST_EVENTS:
        return None
    return (
        f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value "
        f"less than or equal to {MOST_EVENTS}"
    )


def _get(given: Given) -> Answer:
    problem = _limit(given)
    if problem is not None:
        return _invalid(problem)
    answer: Answer = _emulators["_get_log_events"](given)
    return answer


def _filter(given: Given) -> Answer:
    """FilterLogEvents, a page at a time."""
    problem, begin = _limit(given), 0
    if problem is not None:
        return _invalid(problem)
    if given.get("nextToken") is not None:
        try:
            begin = int(base64.b64decode(str(given["nextToken"]), validate=True))
        except ValueError:
            return _invalid("The specified nextToken is invalid.")
    matches = pattern(given.get("filterPattern") or "")
    if matches is None:
        return _invalid('the sandbox offers filter patterns of terms: unquoted words, "texts", -excluded and ?any')
    group = emulated._resolve_log_group_name(given)
    try:
        found = log_events.kept(
            group, given.get("startTime"), given.get("endTime"), given.get("logStreamNames") or None
        )
    except KeyError:
        return _error("ResourceNotFoundException", "The specified log group does not exist.")
    end = begin + int(given.get("limit") or MOST_EVENTS)
    events = [
        {**event, "logStreamName": stream}
        for stream, event in itertools.islice((pair for pair in found if matches(pair[1].message)), begin, end + 1)
    ]
    page = events[: end - begin]
    more = {"nextToken": base64.b64encode(str(end).encode()).decode()} if len(events) > len(page) else {}
    answer: Answer = emulated.json_response({"events": page, "searchedLogStreams": [], **more})
    return answer
