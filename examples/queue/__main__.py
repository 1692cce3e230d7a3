"""Payments come by a queue that delivers at least once; each is charged once."""

from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi_aws_eda import AlarmTopic, IdempotencyToken, IdempotentLambda, Observability, defaults, link

TAGS = {"project": pulumi.get_project(), "environment": pulumi.get_stack()}
defaults(tags=TAGS, log_retention_in_days=90, alarm_actions=[AlarmTopic("alarms", tags=TAGS).topic_arn])

charges = aws.dynamodb.Table(
    "charges",
    billing_mode="PAY_PER_REQUEST",
    hash_key="account",
    attributes=[{"name": "account", "type": "S"}],
    point_in_time_recovery={"enabled": True},
    server_side_encryption={"enabled": True},
    deletion_protection_enabled=pulumi.get_stack() == "prod",
    tags=TAGS,
)
charge = IdempotentLambda(
    "charge",
    code=Path(__file__).parent / "functions" / "charge",
    timeout=3,
    links={"charges": link(charges, "write")},
    queue_source={"max_receive_count": 2},
    # The sender's own id: a message that is sent twice is another message of the same payment.
    idempotency={"token": IdempotencyToken.EVENT, "key_jmespath": "powertools_json(body).payment_id"},
)
Observability("observability", observed=[charge.observed, {"tables": [charges.name]}])
pulumi.export("queue_url", charge.queue_url)
pulumi.export("dead_letter_queue_arn", charge.dead_letter_queue_arn)
pulumi.export("charges_table_name", charges.name)
