"""Runs cases, each with names of its own, and says what came of it."""

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import botocore.exceptions

from eda_sandbox.conformance.answers import differences
from eda_sandbox.conformance.cases import Case
from eda_sandbox.conformance.steps import EXPECTED, STEPS, Asked, ErrorAnswer, Place, call
from eda_sandbox.foundation.errors import SandboxError

BY_NAME = re.compile(r"\bsandbox('s)?\b", re.IGNORECASE)
"""What a refusal by name says in this product: that it is the sandbox which does not offer it."""
SECONDS = 60
"""How long a step with ``until`` is asked again."""

Result = Literal["equal", "refused", "different"]


@dataclass(frozen=True)
class Outcome:
    """What came of a case.

    Attributes:
        case: which.
        result: the answer is AWS's, the sandbox refuses it by name, or it answers something else.
        why: of the latter two, a line for each difference.
    """

    case: Case
    result: Result
    why: tuple[str, ...] = ()

    @property
    def as_said(self) -> bool:
        """Whether it is what the case says: AWS's answer, or what the README's table has a reason for."""
        said = {"refused": self.case.refused, "different": self.case.differs}.get(self.result)
        if self.result == "equal":
            return self.case.refused is None and self.case.differs is None
        return said is not None


def run(place: Place, case: Case) -> Outcome:
    """Run a case; what it made stays, under names that no other case has.

    Raises:
        SandboxError: a step has not the form.
    """
    cloud = place.aws.cloud
    variables = {
        "id": f"c{secrets.token_hex(6)}",
        "account": cloud.account,
        "region": cloud.region,
        "endpoint": place.aws.endpoint,
    }
    if case.beside and _is_equal_beside(place, case, variables):
        return Outcome(case, "equal")
    for number, step in enumerate(case.steps, 1):
        refusal, found = _run_step(place, step, variables, f"{case.id}, step {number}")
        if refusal:
            return Outcome(case, "refused", (refusal,))
        if found:
            return Outcome(case, "different", tuple(f"step {number}: {line}" for line in found))
    return Outcome(case, "equal")


def _is_equal_beside(place: Place, case: Case, variables: dict[str, Any]) -> bool:
    """Whether an expression is answered as AWS does in the one query of its list."""
    *world, step = case.steps
    [engine] = [name for name in step if name in STEPS]
    known = place.answered.get(case.beside)
    if known is None:
        selected = ", ".join(f"{expression} AS e{place}" for place, expression in enumerate(case.beside))
        try:
            [row] = STEPS[engine](Asked(place, "", f"SELECT {selected}", {}, None, lambda _name, _value: None))["rows"]
            known = dict(zip(case.beside, row, strict=True))
        except (ErrorAnswer, botocore.exceptions.ClientError):
            known = {}
        place.answered[case.beside] = known
    expression = step[engine].removeprefix("SELECT ")
    expected = step["rows"][0][0]
    return not world and expression in known and not list(differences(_filled(expected, variables), known[expression]))


def _run_step(
    place: Place, step: Mapping[str, Any], variables: dict[str, Any], where: str
) -> tuple[str | None, list[str]]:
    asked_for = [name for name in step if name not in EXPECTED]
    kind = asked_for[0] if len(asked_for) == 1 else ""
    if kind not in STEPS and "." not in kind:
        raise SandboxError(f"{where}: a step asks one thing, a call (service.Operation), {', '.join(STEPS)}")
    deadline = time.monotonic() + SECONDS
    while True:
        asked = Asked(
            place,
            str(variables["id"]),
            _filled(step[kind], variables),
            _filled(step.get("with", {}), variables),
            _filled(step.get("as"), variables),
            variables.__setitem__,
        )
        try:
            answer = STEPS[kind](asked) if kind in STEPS else call(kind, asked)
            refusal, found = None, _judged(step, variables, answer)
        except (botocore.exceptions.ClientError, ErrorAnswer) as error:
            refusal, found = _judged_error(step, error)
        except (botocore.exceptions.BotoCoreError, AttributeError, TypeError) as error:
            refusal, found = None, [f"{kind} failed: {error!r}"]
        if not (step.get("until") and found) or time.monotonic() > deadline:
            return refusal, found
        time.sleep(0.02)


def _judged(step: Mapping[str, Any], variables: dict[str, Any], answer: Any) -> list[str]:
    if "error" in step:
        return [f"answered with {answer!r}; AWS: {step['error']}"]
    expected = {name: step[name] for name in ("rows", "types") if name in step} or step.get("answer")
    found = [] if expected is None else list(differences(_filled(expected, variables), answer))
    if not found:
        for name, path in step.get("keep", {}).items():
            try:
                variables[name] = _at(answer, path)
            except (LookupError, TypeError):
                found.append(f"the answer has no {path}, which is kept as {name}")
    return found


def _judged_error(
    step: Mapping[str, Any], error: botocore.exceptions.ClientError | ErrorAnswer
) -> tuple[str | None, list[str]]:
    if isinstance(error, ErrorAnswer):
        code, message = error.code, error.message
    else:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    # A failure of the sandbox's own says its name, too, and refuses nothing.
    if BY_NAME.search(message) and code != "InternalFailure":
        return f"{code}: {message}", []
    if "error" not in step:
        return None, [f"refused with {code}: {message}"]
    found = []
    wanted = step["error"] if isinstance(step["error"], list) else [step["error"]]
    if code not in wanted:
        found.append(f"the error is {code} ({message}); AWS: {' or '.join(wanted)}")
    if "message" in step and not re.search(step["message"], message, re.DOTALL):
        found.append(f"the message is {message!r}; AWS: what matches {step['message']!r}")
    return None, found


def _filled(value: Any, variables: Mapping[str, Any]) -> Any:
    """A value with ``${name}`` replaced in all of its texts."""
    if isinstance(value, str):
        if (whole := re.fullmatch(r"\$\{(\w+)\}", value)) and whole[1] in variables:
            return variables[whole[1]]
        return re.sub(r"\$\{(\w+)\}", lambda found: str(variables.get(found[1], found[0])), value)
    if isinstance(value, dict):
        return {_filled(name, variables): _filled(one, variables) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, variables) for one in value]
    return value


def _at(answer: Any, path: str) -> Any:
    found = answer
    for part in path.split("."):
        found = found[int(part)] if isinstance(found, list) else found[part]
    return found
