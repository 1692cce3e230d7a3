"""Which checks are asked about a statement, in which order, and what makes a proof."""

import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from pipeline.proof.proving import Check, Proof, ordered, prove
from pipeline.proof.roles import Roles
from pipeline.proof.stage import CheckFailed, Stage


class Iam:
    """IAM with inline policies: ``policies`` has what is in force."""

    def __init__(self) -> None:
        self.policies: dict[str, dict[str, list[str]]] = {}

    def put_role_policy(self, RoleName: str, PolicyName: str, PolicyDocument: str) -> None:
        statements = json.loads(PolicyDocument)["Statement"]
        self.policies[PolicyName] = {statement["Sid"]: statement["Action"] for statement in statements}

    def delete_role_policy(self, RoleName: str, PolicyName: str) -> None:
        del self.policies[PolicyName]

    def allows(self, policy: str, action: str) -> bool:
        return any(action in actions for actions in self.policies.get(policy, {}).values())


def made(**roles: dict[str, str | list[str]]) -> tuple[Iam, Roles]:
    iam, states = Iam(), {}
    for role, statements in roles.items():
        document = {"Statement": [{"Sid": sid, "Action": action} for sid, action in statements.items()]}
        states[role] = {"role": f"{role}-name", "name": role, "policy": json.dumps(document)}
        iam.put_role_policy(f"{role}-name", role, json.dumps(document))
    return iam, Roles(iam, states)


def stage() -> Stage:
    nothing = cast(Any, None)
    return Stage(nothing, nothing)


def needs(iam: Iam, policy: str, action: str, asked: list[str] | None = None) -> Callable[[], None]:
    def run() -> None:
        if asked is not None:
            asked.append(action)
        if not iam.allows(policy, action):
            raise CheckFailed(f"{action} is denied")

    return run


def nothing() -> None:
    """A check that needs nothing."""


def test_checks_about_the_statement_come_first_then_those_of_its_role_and_apart_from_them_the_rest() -> None:
    rest, role = Check("rest", nothing), Check("role", nothing, ("get-order", "other"))
    statement, other = Check("statement", nothing, ("get-order/Log",)), Check("other", nothing, ("get-order/Read",))
    checks = [rest, role, other, statement]
    assert ordered(checks, "get-order-role", "Log") == ([statement, role, other], [rest])
    assert ordered(checks, "get-order-role", "Read") == ([other, role, statement], [rest])
    assert ordered(checks, "suppliers-role", "Log") == ([], checks)


def test_a_statement_is_away_on_top_of_what_is_away_already_and_comes_back() -> None:
    iam, roles = made(pipe={"Put": ["a:Put"], "DeadLetter": "a:Send"})
    before = roles.actions("pipe")
    with roles.without("pipe", "DeadLetter"):
        assert iam.policies == {"pipe": {"Put": ["a:Put"]}}
        with roles.without("pipe", "Put"):
            assert iam.policies == {}
        assert iam.policies == {"pipe": {"Put": ["a:Put"]}}
    assert iam.policies == {"pipe": before} == {"pipe": {"Put": ["a:Put"], "DeadLetter": ["a:Send"]}}


def test_one_action_can_be_away_alone() -> None:
    iam, roles = made(query={"Read": ["a:Get", "a:List"]})
    with roles.without("query", "Read", "a:List"):
        assert iam.policies == {"query": {"Read": ["a:Get"]}}
    assert iam.policies == {"query": {"Read": ["a:Get", "a:List"]}}


def test_a_statement_without_which_a_check_fails_is_needed_and_another_is_not() -> None:
    iam, roles = made(
        one={"Read": ["a:Get"], "Spare": ["a:Scan"], "DeliverLogs": ["x:Put"]}, two={"Call": ["b:Invoke"]}
    )
    checks = [Check("reads", needs(iam, "one", "a:Get"), ("one",)), Check("calls", needs(iam, "two", "b:Invoke"))]
    found = list(prove(stage(), roles, checks))
    assert [(proof.name, proof.failed) for proof in found] == [
        ("one/Read", "reads: a:Get is denied"),
        ("one/Spare", None),
        ("one/DeliverLogs", None),
        ("two/Call", "calls: b:Invoke is denied"),
    ]
    assert [proof.sid for proof in found if proof.exception] == ["DeliverLogs"]
    assert list(prove(stage(), roles, checks, "two")) == [found[-1]]


def test_the_rest_is_asked_only_when_no_check_of_the_role_failed() -> None:
    asked: list[str] = []
    iam, roles = made(one={"Read": ["a:Get"]}, two={"Call": ["b:Invoke"]})
    reads = Check("reads", needs(iam, "one", "a:Get", asked), ("one",))
    calls = Check("calls", needs(iam, "two", "b:Invoke", asked))
    list(prove(stage(), roles, [calls, reads], "one"))
    assert set(asked) == {"a:Get"}
    list(prove(stage(), roles, [calls, reads], "two"))
    assert asked[-1] == "b:Invoke"


def test_actions_are_proven_one_by_one() -> None:
    iam, roles = made(one={"Read": ["a:Get", "a:List", "xray:PutTelemetryRecords"]})
    found = list(prove(stage(), roles, [Check("reads", needs(iam, "one", "a:Get"), ("one",))], actions=True))
    assert found == [
        Proof("one", "Read", "reads: a:Get is denied", action="a:Get"),
        Proof("one", "Read", None, action="a:List"),
        Proof("one", "Read", None, "X-Ray tells nobody of telemetry", "xray:PutTelemetryRecords"),
    ]


def test_a_check_that_fails_with_all_statements_in_place_proves_nothing() -> None:
    iam, roles = made(one={"Read": ["a:Get"]})
    with pytest.raises(CheckFailed, match="with all statements in place: reads: a:Other is denied"):
        list(prove(stage(), roles, [Check("reads", needs(iam, "one", "a:Other"), ("one",))]))


def test_what_failed_has_to_work_again_when_the_statement_is_back() -> None:
    iam, roles = made(one={"Read": ["a:Get"]})
    broken: list[bool] = []

    def once() -> None:
        if broken or not iam.allows("one", "a:Get"):
            broken.append(True)
            raise CheckFailed("broken")

    proofs = prove(stage(), roles, [Check("once", once, ("one",))])
    assert next(proofs).failed == "once: broken"
    with pytest.raises(CheckFailed, match="with all statements in place: once: broken"):
        next(proofs)


def test_waiting_takes_not_much_longer_than_the_time_that_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.proof.stage.MARGIN_SECONDS", 0.1)
    waits = stage()
    with waits.measuring():
        assert waits.until(lambda: "found", "it is there") == "found"
    with pytest.raises(CheckFailed, match=r"not within 0\.1 s: it is there"):
        waits.until(lambda: None, "it is there")
