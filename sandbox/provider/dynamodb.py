"""Tables."""

from typing import Any

from sandbox.provider.convert import Inputs, pairs
from sandbox.provider.resource import Context, Created, ResourceType


def _create_table(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"))
    keys = [("HASH", inputs.need("hashKey")), ("RANGE", inputs.take("rangeKey"))]
    request: dict[str, Any] = {
        "TableName": name,
        "KeySchema": [{"AttributeName": key, "KeyType": kind} for kind, key in keys if key],
        "AttributeDefinitions": [
            {"AttributeName": attribute["name"], "AttributeType": attribute["type"]}
            for attribute in inputs.need("attributes")
        ],
        "BillingMode": inputs.take("billingMode", "PROVISIONED"),
        "DeletionProtectionEnabled": bool(inputs.take("deletionProtectionEnabled", False)),
        "Tags": pairs(inputs.tags()),
    }
    capacity = inputs.take("readCapacity"), inputs.take("writeCapacity")
    if request["BillingMode"] == "PROVISIONED":
        read, write = capacity
        request["ProvisionedThroughput"] = {"ReadCapacityUnits": int(read), "WriteCapacityUnits": int(write)}
    view, streams = inputs.take("streamViewType"), inputs.take("streamEnabled", False)
    if streams:
        request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
    encryption = inputs.take("serverSideEncryption") or {}
    if encryption.get("enabled"):
        request["SSESpecification"] = {"Enabled": True, "SSEType": "KMS"}
        if encryption.get("kmsKeyArn"):
            request["SSESpecification"]["KMSMasterKeyId"] = encryption["kmsKeyArn"]
    if indexes := inputs.take("globalSecondaryIndexes"):
        request["GlobalSecondaryIndexes"] = [_index(index) for index in indexes]
    recovery, ttl = inputs.take("pointInTimeRecovery") or {}, inputs.take("ttl") or {}
    inputs.take("tableClass")
    inputs.done()
    dynamodb = context.client("dynamodb")
    table = dynamodb.create_table(**request)["TableDescription"]
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    if recovery.get("enabled"):
        dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    if ttl.get("enabled"):
        dynamodb.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": ttl["attributeName"]}
        )
    outputs = {"name": name, "arn": table["TableArn"]}
    if streams:
        outputs |= {"streamArn": table["LatestStreamArn"], "streamLabel": table["LatestStreamLabel"]}
    return Created(name, outputs)


def _index(index: dict[str, Any]) -> dict[str, Any]:
    keys = [("HASH", index.get("hashKey")), ("RANGE", index.get("rangeKey"))]
    # Either form is the provider's; the schema is the newer one.
    keys += [(key["keyType"], key["attributeName"]) for key in index.get("keySchemas") or []]
    projection: dict[str, Any] = {"ProjectionType": index["projectionType"]}
    if index.get("nonKeyAttributes"):
        projection["NonKeyAttributes"] = index["nonKeyAttributes"]
    return {
        "IndexName": index["name"],
        "KeySchema": [{"AttributeName": key, "KeyType": kind} for kind, key in keys if key],
        "Projection": projection,
    }


def _delete_table(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("dynamodb").delete_table(TableName=id)


TYPES = {
    "aws:dynamodb/table:Table": ResourceType(
        _create_table, _delete_table, replaces=frozenset({"name", "hashKey", "rangeKey"})
    ),
}
