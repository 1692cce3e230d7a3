"""Sample events, one for each source of a function's invocations, in the form in which AWS sends them.

Each has the fields that its source always sends (Lambda Developer Guide, "Invoking Lambda with events from other AWS
services"); ids, times and names are made up and always the same.
"""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from eda_sandbox.foundation.cloud import ACCOUNT, REGION

BODY = {"order_id": "o-1", "quantity": 2}
MOMENT = "2026-01-31T12:00:00.000Z"
_SECONDS = 1769860800
_ID = "059f36b4-87a3-44ab-83d2-661975830a7d"


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def sqs(body: Any) -> dict[str, Any]:
    """A batch of one message of a queue."""
    text = _text(body)
    record = {
        "messageId": _ID,
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": text,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": f"{_SECONDS}000",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": f"{_SECONDS}001",
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": _arn("sqs", "orders"),
        "awsRegion": REGION,
    }
    return {"Records": [record]}


def dynamodb(body: Any) -> dict[str, Any]:
    """A batch of one change of a table's stream: a row that is new."""
    row = body if isinstance(body, dict) else {"value": body}
    # The serializer takes no floats: DynamoDB's numbers are decimal.
    image = TypeSerializer().serialize(json.loads(json.dumps(row), parse_float=str))["M"]
    change = {
        "ApproximateCreationDateTime": _SECONDS,
        "Keys": dict([next(iter(image.items()))]) if image else {},
        "NewImage": image,
        "SequenceNumber": "4421584500000000017450439091",
        "SizeBytes": len(json.dumps(image)),
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    record = {
        "eventID": "c4ca4238a0b923820dcc509a6f75849b",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": change,
        "eventSourceARN": _arn("dynamodb", "table/orders/stream/2026-01-31T00:00:00.000"),
    }
    return {"Records": [record]}


def kinesis(body: Any) -> dict[str, Any]:
    """A batch of one record of a stream; its data is Base64."""
    sequence = "49545115243490985018280067714973144582180062593244200961"
    record = {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "o-1",
            "sequenceNumber": sequence,
            "data": base64.b64encode(_text(body).encode()).decode(),
            "approximateArrivalTimestamp": float(_SECONDS),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000006:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/worker",
        "awsRegion": REGION,
        "eventSourceARN": _arn("kinesis", "stream/orders"),
    }
    return {"Records": [record]}


def sns(body: Any) -> dict[str, Any]:
    """A notification of a topic; a function gets one at a time."""
    topic = _arn("sns", "orders")
    notification: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
        "TopicArn": topic,
        "Subject": None,
        "Message": _text(body),
        "Timestamp": MOMENT,
        "SignatureVersion": "1",
        "Signature": "EXAMPLE",
        "SigningCertUrl": f"https://sns.{REGION}.amazonaws.com/SimpleNotificationService.pem",
        "UnsubscribeUrl": f"https://sns.{REGION}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={topic}:{_ID}",
        "MessageAttributes": {},
    }
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": f"{topic}:{_ID}",
        "Sns": notification,
    }
    return {"Records": [record]}


def s3(body: Any) -> dict[str, Any]:
    """A notification of a bucket: an object was made; a string names its key."""
    key = body if isinstance(body, str) else "orders/o-1.json"
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": MOMENT,
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AIDAIENQZJOLO23YVJ4VO"},
        "requestParameters": {"sourceIPAddress": "203.0.113.1"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "EXAMPLE"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "orders",
            "bucket": {
                "name": "orders-raw",
                "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
                "arn": "arn:aws:s3:::orders-raw",
            },
            "object": {
                "key": key,
                "size": 1024,
                "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                "sequencer": "0055AED6DCD90281E5",
            },
        },
    }
    return {"Records": [record]}


def eventbridge(body: Any) -> dict[str, Any]:
    """An event of a bus; the body is its detail."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "order placed",
        "source": "orders",
        "account": ACCOUNT,
        "time": "2026-01-31T12:00:00Z",
        "region": REGION,
        "resources": [],
        "detail": body if isinstance(body, dict) else {"value": body},
    }


def schedule(body: Any) -> dict[str, Any]:
    """A schedule of EventBridge Scheduler without an input of its own."""
    detail = body if body != BODY else {}
    return {
        **eventbridge(detail),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "resources": [_arn("scheduler", "schedule/default/daily")],
        "detail": json.dumps(detail),
    }


def apigateway(body: Any) -> dict[str, Any]:
    """A request of a REST API's Lambda proxy integration."""
    return {
        "resource": "/orders",
        "path": "/orders",
        "httpMethod": "POST",
        "headers": {"Content-Type": "application/json", "Idempotency-Key": "k-1"},
        "multiValueHeaders": {"Content-Type": ["application/json"], "Idempotency-Key": ["k-1"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourceId": "2gxmpl",
            "resourcePath": "/orders",
            "httpMethod": "POST",
            "extendedRequestId": "JJbxmplHYosFVYQ=",
            "requestTime": "31/Jan/2026:12:00:00 +0000",
            "path": "/live/orders",
            "accountId": ACCOUNT,
            "protocol": "HTTP/1.1",
            "stage": "live",
            "domainPrefix": "70ixmpl4fl",
            "requestTimeEpoch": _SECONDS * 1000,
            "requestId": _ID,
            "identity": {
                "cognitoIdentityPoolId": None,
                "accountId": None,
                "cognitoIdentityId": None,
                "caller": None,
                "sourceIp": "203.0.113.1",
                "principalOrgId": None,
                "accessKey": None,
                "cognitoAuthenticationType": None,
                "cognitoAuthenticationProvider": None,
                "userArn": None,
                "userAgent": "curl/8.0",
                "user": None,
            },
            "domainName": f"70ixmpl4fl.execute-api.{REGION}.amazonaws.com",
            "apiId": "70ixmpl4fl",
        },
        "body": _text(body),
        "isBase64Encoded": False,
    }


SAMPLES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "apigateway": apigateway,
    "dynamodb": dynamodb,
    "eventbridge": eventbridge,
    "kinesis": kinesis,
    "s3": s3,
    "schedule": schedule,
    "sns": sns,
    "sqs": sqs,
}
"""By source; each takes what the event carries."""


def _text(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body)
