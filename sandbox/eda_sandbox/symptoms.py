"""What went wrong in a deployed program: failed executions, errors in logs, dead letters, refused permissions.

Other programs may be deployed into the same embedded AWS; what goes wrong there is not told.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import Stack

EACH = 5
"""Lines of one kind that are shown; how many more there are is said."""
CHARACTERS = 600
FAILED = ("FAILED", "TIMED_OUT", "ABORTED")
_ERROR = re.compile(r"\[ERROR\]|\bERROR\b|Traceback \(most recent call last\)|Task timed out after")
_DEAD_LETTER_BLOCKS = ("deadLetterConfig", "redrivePolicy", "onFailure", "deadLetterQueue", "dlq")


def symptoms(aws: Sandbox, stack: Stack, since: float) -> list[str]:
    """What went wrong since a moment, a line each, the most telling kinds first.

    Args:
        aws: where the program is deployed.
        stack: the program.
        since: seconds since the epoch.
    """
    names = _names(stack)
    kinds = (
        _executions(aws, names, since),
        _refused(aws, names, since),
        _log_lines(aws, names, since),
        _dead_letters(aws, stack, names),
    )
    return [line for kind in kinds for line in _some(kind)]


def _names(stack: Stack) -> set[str]:
    """What the program's resources are called: ids, names and ARNs."""
    return {
        name
        for _, _, id, state in stack.resources
        for name in (id, state.get("name"), state.get("arn"))
        if isinstance(name, str)
    }


def _some(lines: Iterator[str]) -> Iterator[str]:
    counted = Counter(lines)
    for number, (line, times) in enumerate(counted.items()):
        if number == EACH:
            yield f"  and {len(counted) - EACH} more like the last"
            return
        yield _short(line) + (f" ({times} times)" if times > 1 else "")


def _short(text: str) -> str:
    return text if len(text) <= CHARACTERS else f"{text[:CHARACTERS]}…"


def _executions(aws: Sandbox, names: set[str], since: float) -> Iterator[str]:
    states = aws.client("stepfunctions")
    pages = states.get_paginator("list_state_machines").paginate()
    for machine in (found for page in pages for found in page["stateMachines"] if found["name"] in names):
        # Of Express machines no API lists the executions.
        for found in aws.cloud.service("stepfunctions").kept(machine["stateMachineArn"]):
            if found.status in FAILED and found.stopped.timestamp() >= since:
                reason = ": ".join(part for part in (found.error, found.cause) if part)
                yield f"execution {machine['name']}:{found.name} {found.status}: {reason or 'no error is given'}"


def _refused(aws: Sandbox, names: set[str], since: float) -> Iterator[str]:
    for refusal in aws.front_door.refusals.since(since):
        # An assumed role's ARN ends with the role's name and the session's, an object's begins with its bucket's.
        if names.isdisjoint({refusal.resource, *refusal.resource.split("/"), *refusal.principal.split("/")}):
            continue
        on = f" on {refusal.resource}" if refusal.resource else ""
        yield f"refused {refusal.principal}: no policy allows {refusal.action}{on}"


def _log_lines(aws: Sandbox, names: set[str], since: float) -> Iterator[str]:
    aws.cloud.service("lambda").flush_logs()
    logs = aws.client("logs")
    groups = [found for page in logs.get_paginator("describe_log_groups").paginate() for found in page["logGroups"]]
    for group in (found["logGroupName"] for found in groups):
        if names.isdisjoint({group, group.removeprefix("/aws/lambda/")}):
            continue
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=int(since * 1000)):
            for event in page["events"]:
                if error := _error(event["message"].strip()):
                    yield f"log {group}: {error}"


def _error(message: str) -> str | None:
    """What a line of a log says of an error, or None when it says nothing of one."""
    try:
        line: Any = json.loads(message)
    except ValueError:
        # The runtime keeps a traceback in one event by ending its lines with carriage returns.
        return message.replace("\r", "\n  ") if _ERROR.search(message) else None
    if not isinstance(line, dict):
        return None
    record = line.get("record")
    if line.get("type") == "platform.runtimeDone" and isinstance(record, dict) and record.get("status") != "success":
        return f"the invocation ended with {record.get('errorType') or record.get('status')}"
    if str(line.get("level") or line.get("log_level")).upper() not in ("ERROR", "CRITICAL", "FATAL"):
        return None
    said = [
        line.get(key) for key in ("message", "errorType", "errorMessage", "exception_name", "exception", "stackTrace")
    ]
    return " ".join(part if isinstance(part, str) else json.dumps(part) for part in said if part)


def _dead_letters(aws: Sandbox, stack: Stack, names: set[str]) -> Iterator[str]:
    # It needs the emulator's environment, which is set when the embedded AWS starts.
    from eda_sandbox.foundation.messages import messages

    sqs, named = aws.client("sqs"), _named_as_dead_letters([state for *_, state in stack.resources])
    for url in (url for page in sqs.get_paginator("list_queues").paginate() for url in page.get("QueueUrls", [])):
        name = url.rpartition("/")[2]
        looks_so = name in names and re.search(r"dlq|dead-?letter", name, re.IGNORECASE)
        if aws.cloud.arn("sqs", name) not in named and not looks_so:
            continue
        if found := messages(aws.cloud, name):
            yield f"dead letters in {name}: {len(found)}, such as {found[0].text}"


def _named_as_dead_letters(value: Any, *, inside: bool = False) -> set[str]:
    """The ARNs of queues that resources name as the place for what they give up."""
    match value:
        case str() if inside and value.startswith("arn:aws:sqs:"):
            return {value}
        case str() if "deadLetterTargetArn" in value:
            # A queue's redrive policy is JSON in a string.
            return set(re.findall(r"arn:aws:sqs:[\w:.-]+", value))
        case list():
            return {arn for item in value for arn in _named_as_dead_letters(item, inside=inside)}
        case dict():
            return {
                arn
                for key, item in value.items()
                for arn in _named_as_dead_letters(item, inside=inside or key in _DEAD_LETTER_BLOCKS)
            }
    return set()
