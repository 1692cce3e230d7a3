"""What AWS calls a resource: the ARN that a recorded one gets, in the form of its type."""

from collections.abc import Mapping
from typing import Any

_FORMS: Mapping[str, str] = {
    "aws:apigateway/restApi:RestApi": "apigateway:{region}::/restapis/{name}",
    "aws:apigatewayv2/api:Api": "apigateway:{region}::/apis/{name}",
    "aws:athena/workgroup:Workgroup": "athena:{place}:workgroup/{name}",
    "aws:cloudwatch/eventBus:EventBus": "events:{place}:event-bus/{name}",
    "aws:cloudwatch/eventRule:EventRule": "events:{place}:rule/{name}",
    "aws:cloudwatch/logGroup:LogGroup": "logs:{place}:log-group:{name}",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "cloudwatch:{place}:alarm:{name}",
    "aws:dynamodb/table:Table": "dynamodb:{place}:table/{name}",
    "aws:glue/job:Job": "glue:{place}:job/{name}",
    "aws:iam/policy:Policy": "iam::{account}:policy/{name}",
    "aws:iam/role:Role": "iam::{account}:role/{name}",
    "aws:iam/user:User": "iam::{account}:user/{name}",
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": "firehose:{place}:deliverystream/{name}",
    "aws:kinesis/stream:Stream": "kinesis:{place}:stream/{name}",
    "aws:kms/key:Key": "kms:{place}:key/{name}",
    "aws:lambda/function:Function": "lambda:{place}:function:{name}",
    "aws:lambda/layerVersion:LayerVersion": "lambda:{place}:layer:{name}:1",
    "aws:pipes/pipe:Pipe": "pipes:{place}:pipe/{name}",
    "aws:redshiftserverless/workgroup:Workgroup": "redshift-serverless:{place}:workgroup/{name}",
    "aws:s3/bucket:Bucket": "s3:::{name}",
    "aws:scheduler/schedule:Schedule": "scheduler:{place}:schedule/default/{name}",
    "aws:secretsmanager/secret:Secret": "secretsmanager:{place}:secret:{name}-abcdef",
    "aws:sfn/stateMachine:StateMachine": "states:{place}:stateMachine:{name}",
    "aws:sns/topic:Topic": "sns:{place}:{name}",
    "aws:sqs/queue:Queue": "sqs:{place}:{name}",
    "aws:ssm/parameter:Parameter": "ssm:{place}:parameter/{name}",
}
"""Service Authorization Reference, resource types."""


def arn(type: str, name: str, region: str, account: str) -> str:
    """The ARN of a resource.

    Args:
        type: its type token, of the newest form.
        name: what AWS calls it.
        region: of the stack.
        account: of the stack.
    """
    form = _FORMS.get(type)
    if form is None:
        service, kind = type.split(":")[1].split("/")[0], type.rpartition(":")[2].lower()
        form = f"{service}:{{place}}:{kind}/{{name}}"
    return "arn:aws:" + form.format(place=f"{region}:{account}", region=region, account=account, name=name.lstrip("/"))


def outputs(type: str, logical: str, inputs: Mapping[str, Any], region: str, account: str) -> dict[str, Any]:
    """What others refer to a resource by.

    Args:
        type: its type token, of the newest form.
        logical: its logical name.
        inputs: its properties.
        region: of the stack.
        account: of the stack.
    """
    given = inputs.get("name") or inputs.get("bucket") or inputs.get("functionName")
    physical = given if isinstance(given, str) else logical
    own = arn(type, physical, region, account)
    service = type.split(":")[1].split("/")[0]
    made = {
        "name": physical,
        "bucket": physical,
        "arn": own,
        "url": f"https://{service}.{region}.amazonaws.com/{account}/{physical}",
        "executionArn": f"arn:aws:execute-api:{region}:{account}:{logical}",
        "invokeArn": f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{own}/invocations",
        "endpoints": [{"address": f"{physical}.{account}.{region}.{service}.amazonaws.com", "port": 5439}],
    }
    if inputs.get("streamEnabled"):
        made["streamArn"] = f"{own}/stream/2026-01-01T00:00:00.000"
    return made
