"""Insurance claims: checked at once, then waiting for days for the assessor's report, at no cost while they wait."""

from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi_aws_eda import (
    AlarmTopic,
    CallbackWorkflow,
    EventApi,
    IdempotentLambda,
    Observability,
    defaults,
    link,
)

FUNCTIONS = Path(__file__).parent / "functions"
CLAIM = {
    "type": "object",
    "required": ["policy", "damage_cents"],
    "properties": {"policy": {"type": "string"}, "damage_cents": {"type": "integer", "minimum": 1}},
}
REPORT = {
    "type": "object",
    "required": ["assessor"],
    "properties": {"assessor": {"type": "string"}, "accepted": {"type": "boolean"}},
}

TAGS = {"project": pulumi.get_project(), "environment": pulumi.get_stack()}
defaults(tags=TAGS, log_retention_in_days=90, alarm_actions=[AlarmTopic("alarms", tags=TAGS).topic_arn])

claims = aws.dynamodb.Table(
    "claims",
    billing_mode="PAY_PER_REQUEST",
    hash_key="claim_id",
    attributes=[{"name": "claim_id", "type": "S"}],
    point_in_time_recovery={"enabled": True},
    server_side_encryption={"enabled": True},
    deletion_protection_enabled=pulumi.get_stack() == "prod",
    tags=TAGS,
)
check_cover = IdempotentLambda("check-cover", code=FUNCTIONS / "check_cover", timeout=10)
workflow = CallbackWorkflow(
    "claims-workflow",
    call_function_arn=check_cover.function_arn,
    call_timeout=10,
    table_name=claims.name,
    table_arn=claims.arn,
    key="claim_id",
    wait_timeout=30 * 86400,
)
add_report = IdempotentLambda("add-report", code=FUNCTIONS / "add_report", links={"workflow": link(workflow, "resume")})
get_claim = IdempotentLambda("get-claim", code=FUNCTIONS / "get_claim", links={"claims": link(claims, "get")})
api = EventApi(
    "claims-api",
    {
        "routes": {
            "POST /claims": {
                "workflow": {
                    "state_machine_arn": workflow.state_machine_arn,
                    "table_name": claims.name,
                    "table_arn": claims.arn,
                    "key": "claim_id",
                    "location": "/claims/{id}",
                },
                "request_schema": CLAIM,
            },
            "GET /claims/{claim_id}": {
                "function": {"function_name": get_claim.function_name, "invoke_arn": get_claim.invoke_arn}
            },
            "POST /claims/{claim_id}/report": {
                "function": {"function_name": add_report.function_name, "invoke_arn": add_report.invoke_arn},
                "request_schema": REPORT,
            },
        }
    },
)
Observability(
    "observability",
    {
        "observed": [
            api.observed,
            check_cover.observed,
            workflow.observed,
            add_report.observed,
            get_claim.observed,
            {"tables": [claims.name]},
        ]
    },
)
pulumi.export("api_url", api.url)
pulumi.export("workflow_arn", workflow.state_machine_arn)
pulumi.export("dead_letter_queue_url", workflow.dead_letter_queue_url)
