"""Customer managed keys: what a role needs of one, and one whose policy lets services use it.

IAM decides about roles, because the key's policy leaves it to the account; AWS services that act in their own name
stand in the key's policy.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts import arns
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import physical_name

LONGEST_DELETION_WINDOW = 30
"""Days that a key waits for its deletion at most (KMS API, ``ScheduleKeyDeletion``)."""
_DECRYPT, _ENCRYPT = "kms:Decrypt", "kms:GenerateDataKey"
_SIDS = {_DECRYPT: "DecryptWithKey", _ENCRYPT: "EncryptWithKey"}
_ITEMS = (
    "BatchGetItem",
    "BatchWriteItem",
    "ConditionCheckItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "UpdateItem",
)
_USES: Mapping[str, Sequence[str]] = {
    # SQS, key management: who sends has the new data key verified, and so decrypts too.
    "sqs:SendMessage": (_DECRYPT, _ENCRYPT),
    "sqs:ReceiveMessage": (_DECRYPT,),
    # SNS, key management.
    "sns:Publish": (_DECRYPT, _ENCRYPT),
    # DynamoDB, encryption at rest: reads and writes alike begin with the decryption of the table's own key.
    **dict.fromkeys((f"dynamodb:{name}" for name in (*_ITEMS, "GetRecords")), (_DECRYPT,)),
    # S3, SSE-KMS: parts of an upload are decrypted, but what uploads in parts may get objects in all components.
    "s3:GetObject": (_DECRYPT,),
    "s3:PutObject": (_ENCRYPT,),
    # Kinesis, permissions to use KMS keys.
    "kinesis:GetRecords": (_DECRYPT,),
    "kinesis:PutRecord": (_ENCRYPT,),
    "kinesis:PutRecords": (_ENCRYPT,),
    # Secrets Manager, secret encryption.
    "secretsmanager:GetSecretValue": (_DECRYPT,),
    "secretsmanager:PutSecretValue": (_DECRYPT, _ENCRYPT),
    # Systems Manager, AWS KMS encryption for Parameter Store secure strings.
    "ssm:GetParameter": (_DECRYPT,),
}
"""What a service asks of the key, in the name of whoever calls it, by the IAM action. Firehose, Redshift and Step
Functions ask nothing of their callers: they have grants, or keys of their own."""


class KeyService(Enum):
    """An AWS service that uses a key in its own name."""

    LOGS = "LOGS"
    """CloudWatch Logs, for log groups that are encrypted."""
    EVENTS = "EVENTS"
    """EventBridge, for buses and archives that are encrypted, and for rules that send to queues and topics that are,
    also as dead-letter queues."""
    ALARMS = "ALARMS"
    """CloudWatch, for alarms that notify topics that are encrypted."""
    TOPICS = "TOPICS"
    """SNS, for topics that send to queues that are encrypted."""


def statements(
    common: Common, needs: Iterable[Mapping[str, Any]], decrypts: Sequence[str] = ()
) -> dict[str, Mapping[str, Any]]:
    """What a role needs of keys, by Sid: each of the two actions, and each through the services alone that the role
    uses it by. None without keys.

    Args:
        common: the component; its key is that of all that names none.
        needs: the role's other statements: ``actions``, and optionally ``kms_key_arns``, the keys of what they are
            about.
        decrypts: services that decrypt what is the component's own in the role's name, for example ``lambda``.
    """
    own = [] if common.kms_key_arn is None else [common.kms_key_arn]
    services: dict[str, list[str]] = {_DECRYPT: [], _ENCRYPT: []}
    keys: dict[str, list[pulumi.Input[str]]] = {_DECRYPT: [], _ENCRYPT: []}

    def use(action: str, service: str, key_arns: Sequence[pulumi.Input[str]]) -> None:
        if key_arns:
            services[action].append(service)
            keys[action] += key_arns

    for service in decrypts:
        use(_DECRYPT, service, own)
    for need in needs:
        for name in need["actions"]:
            for action in _USES.get(name, ()):
                use(action, name.partition(":")[0], need.get("kms_key_arns", own))
    return {
        _SIDS[action]: {
            "actions": [action],
            "resources": _distinct(keys[action]),
            "condition": {"StringLike": {"kms:ViaService": _names(common, services[action])}},
        }
        for action in (_DECRYPT, _ENCRYPT)
        if keys[action]
    }


def document_statements(common: Common, grants: Mapping[str, Mapping[str, Any]]) -> pulumi.Output[str]:
    """Grants, and what they need of keys, as a JSON array of statements: for roles that no component makes."""
    needs = {**grants, **statements(common, grants.values())}
    made = [
        {
            "Sid": sid,
            "Effect": "Allow",
            "Action": need["actions"],
            "Resource": need["resources"],
            **({"Condition": need["condition"]} if "condition" in need else {}),
        }
        for sid, need in needs.items()
    ]
    return pulumi.Output.json_dumps(made).apply(str)


def given(key_arn: pulumi.Input[str] | None) -> dict[str, list[pulumi.Input[str]]]:
    """The member ``kms_key_arns`` of a statement about something that has this key; without one the component's own is
    taken for it."""
    return {} if key_arn is None else {"kms_key_arns": [key_arn]}


def key(
    common: Common,
    suffix: str,
    description: str,
    services: Iterable[KeyService],
    log_group_names: Sequence[str] = (),
    deletion_window_in_days: pulumi.Input[int] = LONGEST_DELETION_WINDOW,
) -> aws.kms.Key:
    """A symmetric key that is rotated every year.

    Args:
        common: the component.
        suffix: of the logical name.
        description: shown in the console.
        services: who may use it in their own names, for this account.
        log_group_names: for ``LOGS``: further log groups, ``*`` stands for any characters; those whose names hold
            project and stack may be encrypted in any case.
        deletion_window_in_days: how long it can be restored after it was deleted.
    """
    # What AWS gives every key, so that IAM decides about roles and administration (KMS, default key policy).
    root = pulumi.Output.concat("arn:", arns.partition(common), ":iam::", arns.account_id(common), ":root")
    administer = {"Sid": "Administer", "Effect": "Allow", "Principal": {"AWS": root}}
    asked = list(services)
    return aws.kms.Key(
        f"{common.name}-{suffix}",
        description=description,
        enable_key_rotation=True,
        deletion_window_in_days=deletion_window_in_days,
        policy=pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {**administer, "Action": "kms:*", "Resource": "*"},
                    *(_allow(common, service, log_group_names) for service in KeyService if service in asked),
                ],
            }
        ),
        tags=common.tags,
        opts=common.keeping(),
    )


def _allow(common: Common, service: KeyService, log_group_names: Sequence[str]) -> dict[str, Any]:
    account = {"StringEquals": {"aws:SourceAccount": arns.account_id(common)}}
    match service:
        case KeyService.LOGS:
            suffix = arns.dns_suffix(common)
            principal: pulumi.Input[str] = pulumi.Output.concat("logs.", arns.region(common), ".", suffix)
            # CloudWatch Logs, encrypt log data: it names the log group, and not the account.
            actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
            groups = [f"*{physical_name('', 512)}*", *log_group_names]
            known = [arns.arn(common, "logs", f"log-group:{name}") for name in groups]
            condition: dict[str, Any] = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": known}}
        case KeyService.EVENTS:
            # EventBridge, encrypted queues as targets and dead-letter queues; encrypting buses, and archives.
            principal, condition = "events.amazonaws.com", account
            actions = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey", "kms:ReEncrypt*"]
        case KeyService.ALARMS:
            # CloudWatch, encrypted topics: the policy of SNS's own key does not allow this, and nobody may change it.
            principal, actions, condition = "cloudwatch.amazonaws.com", ["kms:Decrypt", "kms:GenerateDataKey*"], account
        case KeyService.TOPICS:
            # SNS, encrypted queues as subscribers: it names the topic.
            principal, actions = "sns.amazonaws.com", ["kms:Decrypt", "kms:GenerateDataKey"]
            condition = {"ArnLike": {"aws:SourceArn": arns.arn(common, "sns", "*")}}
    return {
        "Sid": service.value.capitalize(),
        "Effect": "Allow",
        "Principal": {"Service": principal},
        "Action": actions,
        "Resource": "*",
        "Condition": condition,
    }


def _names(common: Common, services: Sequence[str]) -> list[pulumi.Output[str]]:
    region = arns.region(common)
    # In China the services' names end otherwise.
    return [pulumi.Output.concat(service, ".", region, ".*") for service in sorted(set(services))]


def _distinct(key_arns: Sequence[pulumi.Input[str]]) -> pulumi.Output[list[str]]:
    # What is not encrypted with a customer managed key has an empty one.
    return pulumi.Output.all(*key_arns).apply(lambda found: list(dict.fromkeys(filter(None, found))))
