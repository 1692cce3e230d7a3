"""Takes statements away, one at a time, and runs the checks that may need them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from pipeline.proof.roles import Roles
from pipeline.proof.stage import CheckFailed, Stage

EXCEPTIONS = {
    "DeliverLogs": "the sandbox's Step Functions writes its logs itself",
    "xray:PutTelemetryRecords": "X-Ray tells nobody of telemetry",
    "xray:GetSamplingRules": "the sandbox samples every request",
    "xray:GetSamplingTargets": "the sandbox samples every request",
}
"""Statements, by Sid, and single actions that the sandbox cannot prove, and why."""
NEITHER = 3
TRIES = 3
"""With all statements in place; a busy machine may refuse a request for a moment."""


@dataclass(frozen=True)
class Check:
    """One thing that the program has to do.

    Attributes:
        name: what it is that has to be so.
        run: does it; raises ``CheckFailed`` when it is not so.
        concerns: the statements that it needs: parts of the logical names of roles' policies, each with ``/<Sid>`` when
            it is about that statement before all.
    """

    name: str
    run: Callable[[], None]
    concerns: tuple[str, ...] = ()

    def rank(self, role: str, sid: str) -> int:
        """How far it is from a statement: 0 is about it, 1 its role, 2 another one of the role, ``NEITHER`` neither."""
        found = NEITHER
        for concern in self.concerns:
            part, _, about = concern.partition("/")
            if part in role:
                found = min(found, {"": 1, sid: 0}.get(about, 2))
        return found


@dataclass(frozen=True)
class Proof:
    """What became of one statement, or of one action of it.

    Attributes:
        role: logical name of the role's policy.
        sid: the statement.
        failed: the check that failed without it; None when none did.
        exception: why it cannot be proven here; None when it can.
        action: the action that was taken away; empty for the whole statement.
    """

    role: str
    sid: str
    failed: str | None
    exception: str | None = None
    action: str = ""

    @property
    def name(self) -> str:
        """Role, statement and action."""
        return "/".join(filter(None, (self.role, self.sid, self.action)))


def traced(stage: Stage, name: str, run: Callable[[], object], *, machine: bool = False, role: str = "") -> Check:
    """The check that X-Ray gets the segments of a function or of a machine.

    Args:
        stage: the deployed program.
        name: its logical name, without what components put behind it.
        run: what lets it work.
        machine: it is a machine.
        role: logical name of its role's policy; default its own name with ``-role``.
    """
    token = "aws:sfn/stateMachine:StateMachine" if machine else "aws:lambda/function:Function"
    logical_name = f"{name}-machine" if machine else f"{name}-function"
    return Check(
        f"the segments of {name} arrive",
        partial(stage.has_segments, token, logical_name, run),
        (f"{role or f'{name}-role'}/Trace",),
    )


def ordered(checks: Sequence[Check], role: str, sid: str) -> tuple[list[Check], list[Check]]:
    """The checks that concern a statement's role, those about the statement first, and the rest."""
    ranked = sorted(checks, key=lambda check: check.rank(role, sid))
    concerned = [check for check in ranked if check.rank(role, sid) < NEITHER]
    return concerned, ranked[len(concerned) :]


def prove(
    stage: Stage, roles: Roles, checks: Sequence[Check], only: str = "", *, actions: bool = False
) -> Iterator[Proof]:
    """Take each statement away once.

    A check runs with all statements in place before it is asked without one, which also measures how long it takes.
    What failed without a statement of a role has to work again when all of the role's are back.

    Args:
        stage: the deployed program.
        roles: its roles.
        checks: what has to work with all statements, and must not without one.
        only: prove the roles whose names contain this.
        actions: take away each action of each statement once, instead of the statement, and ask the checks of its role
            alone: the statements show that these need it.

    Raises:
        CheckFailed: a check fails while all statements are there.
    """
    measured: set[str] = set()

    def measure(wanted: Sequence[Check]) -> None:
        for check in wanted:
            if check.name not in measured:
                measured.add(check.name)
                _works(stage, check)

    for role in roles.names:
        if only not in role:
            continue
        failures: dict[str, Check] = {}
        for sid, of_statement in roles.actions(role).items():
            if sid in EXCEPTIONS:
                yield Proof(role, sid, None, EXCEPTIONS[sid])
                continue
            for action in of_statement if actions else [""]:
                if action in EXCEPTIONS:
                    yield Proof(role, sid, None, EXCEPTIONS[action], action)
                    continue
                failed = None
                concerned, rest = ordered(checks, role, sid)
                for group in [concerned] if actions else [concerned, rest]:
                    measure(group)
                    with roles.without(role, sid, action):
                        found = _first_failure(group)
                    if found is not None:
                        check, failed = found
                        failures[check.name] = check
                        break
                yield Proof(role, sid, failed, action=action)
        for check in failures.values():
            _works(stage, check)


def _works(stage: Stage, check: Check) -> None:
    for left in reversed(range(TRIES)):
        try:
            with stage.measuring():
                check.run()
            return
        except (CheckFailed, ConnectionError) as failure:
            if not left:
                raise CheckFailed(f"with all statements in place: {check.name}: {failure}") from failure


def _first_failure(checks: Sequence[Check]) -> tuple[Check, str] | None:
    for check in checks:
        try:
            check.run()
        except (CheckFailed, ConnectionError) as failure:
            return check, f"{check.name}: {failure}"
    return None
