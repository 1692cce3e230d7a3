"""Customer managed keys: what every role of every component may do with them, and the policy of an EncryptionKey."""

import json
from typing import Any

import pulumi
import pytest
from pulumi_aws_eda import (
    ArgumentError,
    BatchedFirehoseSink,
    CallbackWorkflow,
    ConsumerCache,
    EncryptionKey,
    EventApi,
    IdempotentLambda,
    KeyService,
    TableOutbox,
    defaults,
)
from pulumi_aws_eda.testing import Recording, record

from tests.unit.component_cases import CASES, CODE, FUNCTION, MACHINE, TABLE, recorded

KEY = "arn:aws:kms:eu-central-1:123456789012:key/k"
OTHER = "arn:aws:kms:eu-central-1:123456789012:key/other"
POLICY = "aws:iam/rolePolicy:RolePolicy"
KEY_TYPE = "aws:kms/key:Key"
DECRYPT, ENCRYPT = "kms:Decrypt", "kms:GenerateDataKey"
DECRYPTS = {
    "kinesis:GetRecords",
    "s3:GetObject",
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
    "ssm:GetParameter",
}
NO_KEY = {"dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}


def keyed(name: str) -> Recording:
    def program() -> None:
        defaults(kms_key_arn=KEY)
        CASES[name]()

    return record(program)


def uses(statements: list[dict[str, Any]]) -> dict[str, tuple[list[str], list[str]]]:
    """Keys and services by the action."""
    found = {}
    for statement in statements:
        if statement["Action"][0].startswith("kms:"):
            (action,) = statement["Action"]
            assert list(statement["Condition"]) == ["StringLike"]
            services = statement["Condition"]["StringLike"]["kms:ViaService"]
            assert all(service.endswith(".eu-central-1.*") for service in services)
            found[action] = (statement["Resource"], [service.partition(".")[0] for service in services])
    return found


def of_role(made: Recording, policy: str) -> dict[str, tuple[list[str], list[str]]]:
    return uses(made.one(POLICY, policy).json("policy")["Statement"])


def expected(statements: list[dict[str, Any]], service: str) -> dict[str, set[str]]:
    """The services by which a role needs each action, from what its other statements allow."""
    needed: dict[str, set[str]] = {DECRYPT: set(), ENCRYPT: set()}
    if service in ("lambda", "scheduler"):
        needed[DECRYPT].add(service)
    for action in (action for statement in statements for action in statement["Action"]):
        what = action.partition(":")[0]
        if (what == "dynamodb" and action not in NO_KEY) or action in DECRYPTS:
            needed[DECRYPT].add(what)
        if action in ("secretsmanager:PutSecretValue", "sqs:SendMessage", "s3:PutObject"):
            needed[ENCRYPT].add(what)
    return {action: services for action, services in needed.items() if services}


@pytest.mark.parametrize("name", CASES)
def test_each_role_may_use_the_key_for_what_its_statements_are_about_and_no_more(name: str) -> None:
    made = keyed(name)
    trusted = {
        role.inputs["name"]: role.json("assumeRolePolicy")["Statement"][0]["Principal"]["Service"]
        for role in made.of("aws:iam/role:Role").values()
    }
    for policy in made.of(POLICY).values():
        statements = policy.json("policy")["Statement"]
        service = str(trusted[policy.inputs["role"]]).partition(".")[0]
        found = uses(statements)
        assert {action: set(services) for action, (_, services) in found.items()} == expected(statements, service)
        assert all(resources == [KEY] for resources, _ in found.values())


@pytest.mark.parametrize("name", CASES)
def test_without_a_key_no_role_has_a_statement_about_one(name: str) -> None:
    for policy in recorded(name).of(POLICY).values():
        assert uses(policy.json("policy")["Statement"]) == {}


def test_the_statements_are_one_for_each_action() -> None:
    made = keyed("IdempotentLambda").statements("it-role")
    assert made["DecryptWithKey"] == {
        "Sid": "DecryptWithKey",
        "Effect": "Allow",
        "Action": [DECRYPT],
        "Resource": [KEY],
        "Condition": {
            "StringLike": {
                "kms:ViaService": [
                    f"{service}.eu-central-1.*"
                    for service in ("dynamodb", "kinesis", "lambda", "secretsmanager", "sqs", "ssm")
                ]
            }
        },
    }
    assert made["EncryptWithKey"] == {
        "Sid": "EncryptWithKey",
        "Effect": "Allow",
        "Action": [ENCRYPT],
        "Resource": [KEY],
        "Condition": {"StringLike": {"kms:ViaService": ["sqs.eu-central-1.*"]}},
    }


def test_what_is_given_may_have_a_key_of_its_own() -> None:
    def program() -> None:
        IdempotentLambda(
            "f",
            {
                "code": CODE,
                "asynchronous": True,
                "dead_letter_queue_arn": "arn:aws:sqs:eu-central-1:123456789012:q",
                "dead_letter_queue_kms_key_arn": f"{KEY}-queue",
                "stream_source": {"stream_arn": f"{TABLE}/stream/x", "kms_key_arn": f"{KEY}-stream"},
                "idempotency": {
                    "token": "EVENT",
                    "table_name": "t",
                    "table_arn": TABLE,
                    "table_kms_key_arn": f"{KEY}-table",
                },
                "grants": {
                    "Read": {
                        "actions": ["secretsmanager:GetSecretValue"],
                        "resources": ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:s"],
                        "kms_key_arns": [f"{KEY}-secret"],
                    }
                },
            },
        )
        stream: Any = {"stream_arn": f"{TABLE}/stream/x", "key": "id", "attributes": ["a"], "kms_key_arn": KEY}
        queue = "arn:aws:sqs:eu-central-1:123456789012:q"
        TableOutbox(
            "o",
            {
                "table_stream_source": stream,
                "queue_arn": queue,
                "queue_kms_key_arn": f"{KEY}-queue",
                "dead_letter_queue_arn": queue,
                "dead_letter_queue_kms_key_arn": f"{KEY}-dead",
            },
        )
        BatchedFirehoseSink("s", {"table_stream_source": stream, "bucket_name": "b", "bucket_kms_key_arn": OTHER})
        CallbackWorkflow(
            "w",
            {
                "call_function_arn": FUNCTION,
                "table_name": "t",
                "table_arn": TABLE,
                "table_kms_key_arn": OTHER,
                "open_index_name": "open",
            },
        )
        workflow: Any = {
            "state_machine_arn": MACHINE,
            "table_name": "t",
            "table_arn": TABLE,
            "location": "/orders/{id}",
            "table_kms_key_arn": OTHER,
        }
        EventApi("a", {"routes": {"POST /orders": {"workflow": workflow}}, "authorization": "AWS_IAM"})

    made = record(program)
    of_function = of_role(made, "f-role")
    assert set(of_function[DECRYPT][0]) == {f"{KEY}-{what}" for what in ("queue", "stream", "table", "secret")}
    assert of_function[ENCRYPT] == ([f"{KEY}-queue"], ["sqs"])
    assert of_role(made, "o-pipe-role") == {
        DECRYPT: ([KEY, f"{KEY}-queue", f"{KEY}-dead"], ["dynamodb", "sqs"]),
        ENCRYPT: ([f"{KEY}-queue", f"{KEY}-dead"], ["sqs"]),
    }
    assert of_role(made, "s-role") == {DECRYPT: ([OTHER], ["s3"]), ENCRYPT: ([OTHER], ["s3"])}
    assert of_role(made, "s-pipe-role") == {DECRYPT: ([KEY], ["dynamodb"])}
    for policy in ("w-role", "w-reconciler-role", "a-post-orders-admission"):
        assert of_role(made, policy) == {DECRYPT: ([OTHER], ["dynamodb"])}


def test_readers_of_a_cache_are_told_of_its_key_in_every_form() -> None:
    def program() -> None:
        cache = ConsumerCache("c", {"hot": {}, "kms_key_arn": KEY})
        IdempotentLambda("f", {"code": CODE, "grants": cache.reader_grants})
        pulumi.export("statements", cache.reader_statements)

    made = record(program)
    assert of_role(made, "f-role") == {DECRYPT: ([KEY], ["dynamodb"])}
    assert uses(json.loads(made.exports["statements"])) == of_role(made, "f-role")


def policy_of(**args: Any) -> dict[str, Any]:
    made = record(lambda: EncryptionKey("k", args))  # type: ignore[arg-type]  # wrong arguments are tried too
    return {statement["Sid"]: statement for statement in made.one(KEY_TYPE).json("policy")["Statement"]}


def test_the_key_is_rotated_and_can_be_restored() -> None:
    made = record(lambda: EncryptionKey("k", {"deletion_window_in_days": 7, "tags": {"a": "b"}}))
    key = made.one(KEY_TYPE, "k-key").inputs
    assert (key["enableKeyRotation"], key["deletionWindowInDays"], key["tags"]) == (True, 7, {"a": "b"})
    assert made.names() == {(KEY_TYPE, "k-key")}
    assert record(lambda: EncryptionKey("k", {})).one(KEY_TYPE).inputs["deletionWindowInDays"] == 30


def test_its_policy_knows_the_services_for_this_account_alone() -> None:
    own = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    found = policy_of()
    assert found.pop("Administer") == {
        "Sid": "Administer",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    assert {sid: (s["Principal"], s["Action"], s["Condition"]) for sid, s in found.items()} == {
        "Logs": (
            {"Service": "logs.eu-central-1.amazonaws.com"},
            ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
            {
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": [
                        "arn:aws:logs:eu-central-1:123456789012:log-group:*project-test-*"
                    ]
                }
            },
        ),
        "Events": (
            {"Service": "events.amazonaws.com"},
            ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey", "kms:ReEncrypt*"],
            own,
        ),
        "Alarms": ({"Service": "cloudwatch.amazonaws.com"}, ["kms:Decrypt", "kms:GenerateDataKey*"], own),
        "Topics": (
            {"Service": "sns.amazonaws.com"},
            ["kms:Decrypt", "kms:GenerateDataKey"],
            {"ArnLike": {"aws:SourceArn": "arn:aws:sns:eu-central-1:123456789012:*"}},
        ),
    }


def test_it_knows_only_the_services_that_are_asked_for() -> None:
    assert set(policy_of(services=[])) == {"Administer"}
    assert set(policy_of(services=[KeyService.EVENTS, "ALARMS"])) == {"Administer", "Events", "Alarms"}
    logs = policy_of(services=["LOGS"], log_group_names=["/mine/*"])["Logs"]
    assert [arn.partition("log-group:")[2] for arn in logs["Condition"]["ArnLike"].popitem()[1]] == [
        "*project-test-*",
        "/mine/*",
    ]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"window": 1}, "'window' is unknown"),
        ({"deletion_window_in_days": 6}, "'deletion_window_in_days' is 6; allowed are whole numbers from 7 to 30"),
        ({"services": ["SNS"]}, "'services' is 'SNS'; allowed are LOGS, EVENTS, ALARMS"),
        ({"services": [], "log_group_names": ["a"]}, "'log_group_names' is given, but 'services' has no LOGS"),
    ],
)
def test_what_is_not_allowed_is_refused(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message.replace("(", r"\(")):
        policy_of(**args)


def test_every_log_group_of_every_component_may_be_encrypted_with_it() -> None:
    for name in CASES:
        for group in keyed(name).of("aws:cloudwatch/logGroup:LogGroup").values():
            assert "project-test-" in group.inputs["name"]
