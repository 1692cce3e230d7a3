"""Messages of a queue, each of which has one effect, however often it comes."""

from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi_aws_eda import AlarmTopic, IdempotencyMode, IdempotentLambda, Observability, defaults, link

TAGS = {"project": pulumi.get_project(), "environment": pulumi.get_stack()}
defaults(tags=TAGS, log_retention_in_days=90, alarm_actions=[AlarmTopic("alarms", tags=TAGS).topic_arn])

greetings = aws.dynamodb.Table(
    "greetings",
    billing_mode="PAY_PER_REQUEST",
    hash_key="name",
    attributes=[{"name": "name", "type": "S"}],
    point_in_time_recovery={"enabled": True},
    server_side_encryption={"enabled": True},
    deletion_protection_enabled=pulumi.get_stack() == "prod",
    tags=TAGS,
)
greet = IdempotentLambda(
    "greet",
    code=Path(__file__).parent / "functions" / "greet",
    links={"greetings": link(greetings, "write")},
    queue_source={},
    idempotency={"mode": IdempotencyMode.TRANSACTION},
)
Observability("observability", observed=[greet.observed, {"tables": [greetings.name]}])
pulumi.export("queue_url", greet.queue_url)
pulumi.export("greetings_table_name", greetings.name)
