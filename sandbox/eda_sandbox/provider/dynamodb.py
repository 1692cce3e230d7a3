"""Tables."""

from typing import Any

from eda_sandbox.provider.convert import Inputs, pairs
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged, tags_of


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
    if (encryption := _encryption(inputs.take("serverSideEncryption")))["Enabled"]:
        request["SSESpecification"] = encryption
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


def _encryption(given: dict[str, Any] | None) -> dict[str, Any]:
    if not (given and given.get("enabled")):
        return {"Enabled": False}
    key = {"KMSMasterKeyId": given["kmsKeyArn"]} if given.get("kmsKeyArn") else {}
    return {"Enabled": True, "SSEType": "KMS", **key}


def _update_table(context: Context, id: str, state: State, inputs: Inputs) -> State:
    for untouched in ("name", "hashKey", "rangeKey", "tags", "tagsAll", "tableClass"):
        inputs.take(untouched)
    new = {name: inputs.take(name) for name in _CHANGEABLE}
    inputs.done()
    changed = {name for name in _CHANGEABLE if new[name] != state.get(name)}
    dynamodb = context.client("dynamodb")
    attributes = [{"AttributeName": each["name"], "AttributeType": each["type"]} for each in new["attributes"]]

    def update(**request: Any) -> State:
        table: State = dynamodb.update_table(TableName=id, **request)["TableDescription"]
        dynamodb.get_waiter("table_exists").wait(TableName=id, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
        return table

    if changed & {"billingMode", "readCapacity", "writeCapacity"}:
        if (mode := new["billingMode"] or "PROVISIONED") == "PROVISIONED":
            units = {"ReadCapacityUnits": int(new["readCapacity"]), "WriteCapacityUnits": int(new["writeCapacity"])}
            update(BillingMode=mode, ProvisionedThroughput=units)
        else:
            update(BillingMode=mode)
    if "deletionProtectionEnabled" in changed:
        update(DeletionProtectionEnabled=bool(new["deletionProtectionEnabled"]))
    if "serverSideEncryption" in changed:
        update(SSESpecification=_encryption(new["serverSideEncryption"]))
    # An index is changed by taking it away and making it anew, and a table changes one index at a time.
    before = {index["name"]: index for index in state.get("globalSecondaryIndexes") or []}
    after = {index["name"]: index for index in new["globalSecondaryIndexes"] or []}
    for name in before:
        if before[name] != after.get(name):
            update(GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": name}}])
    for name, index in after.items():
        if index != before.get(name):
            create = {"Create": _index(index)}
            update(AttributeDefinitions=attributes, GlobalSecondaryIndexUpdates=[create])
    if "pointInTimeRecovery" in changed:
        enabled = bool((new["pointInTimeRecovery"] or {}).get("enabled"))
        dynamodb.update_continuous_backups(
            TableName=id, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled}
        )
    if "ttl" in changed:
        ttl = new["ttl"] or {"enabled": False, "attributeName": (state.get("ttl") or {}).get("attributeName")}
        dynamodb.update_time_to_live(
            TableName=id,
            TimeToLiveSpecification={"Enabled": bool(ttl.get("enabled")), "AttributeName": ttl["attributeName"]},
        )
    if changed & {"streamEnabled", "streamViewType"}:
        if state.get("streamEnabled"):
            # The view of a stream that is there cannot be changed.
            update(StreamSpecification={"StreamEnabled": False})
        if new["streamEnabled"]:
            table = update(StreamSpecification={"StreamEnabled": True, "StreamViewType": new["streamViewType"]})
            return {"streamArn": table["LatestStreamArn"], "streamLabel": table["LatestStreamLabel"]}
    return {}


_CHANGEABLE = (
    "attributes",
    "billingMode",
    "deletionProtectionEnabled",
    "globalSecondaryIndexes",
    "pointInTimeRecovery",
    "readCapacity",
    "serverSideEncryption",
    "streamEnabled",
    "streamViewType",
    "ttl",
    "writeCapacity",
)


def _read_table(context: Context, id: str, state: State) -> Found:
    dynamodb = context.client("dynamodb")
    table = dynamodb.describe_table(TableName=id)["Table"]
    ttl = dynamodb.describe_time_to_live(TableName=id)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=id)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    keys = {key["KeyType"]: key["AttributeName"] for key in table["KeySchema"]}
    stream, encryption = table.get("StreamSpecification", {}), table.get("SSEDescription", {})
    mode = table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    capacity = table.get("ProvisionedThroughput", {}) if mode == "PROVISIONED" else {}
    given = {index["name"]: index for index in state.get("globalSecondaryIndexes") or []}
    enabled = ttl.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
    tags = dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"]).get("Tags")
    found = {
        "name": id,
        "attributes": [
            {"name": each["AttributeName"], "type": each["AttributeType"]} for each in table["AttributeDefinitions"]
        ],
        "billingMode": mode,
        "deletionProtectionEnabled": table.get("DeletionProtectionEnabled"),
        "globalSecondaryIndexes": [
            _index_properties(index, given.get(index["IndexName"], {}))
            for index in table.get("GlobalSecondaryIndexes", [])
        ],
        "hashKey": keys["HASH"],
        "rangeKey": keys.get("RANGE"),
        "pointInTimeRecovery": {"enabled": recovery == "ENABLED"},
        "readCapacity": capacity.get("ReadCapacityUnits"),
        "writeCapacity": capacity.get("WriteCapacityUnits"),
        "serverSideEncryption": _encryption_properties(encryption, state.get("serverSideEncryption") or {}),
        "streamEnabled": stream.get("StreamEnabled"),
        "streamViewType": stream.get("StreamViewType"),
        "ttl": {"enabled": True, "attributeName": ttl["AttributeName"]} if enabled else None,
        "tags": tags_of(tags),
    }
    outputs = {"arn": table["TableArn"]}
    if stream.get("StreamEnabled"):
        outputs |= {"streamArn": table["LatestStreamArn"], "streamLabel": table["LatestStreamLabel"]}
    return Found(found, outputs)


def _index_properties(index: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """An index in the form in which it was given."""
    keys = {key["KeyType"]: key["AttributeName"] for key in index["KeySchema"]}
    found = {
        "name": index["IndexName"],
        "projectionType": index["Projection"]["ProjectionType"],
        "nonKeyAttributes": index["Projection"].get("NonKeyAttributes"),
    }
    if given.get("keySchemas"):
        schemas = [{"keyType": key["KeyType"], "attributeName": key["AttributeName"]} for key in index["KeySchema"]]
        return {**found, "keySchemas": schemas}
    return {**found, "hashKey": keys["HASH"], "rangeKey": keys.get("RANGE")}


def _encryption_properties(described: dict[str, Any], given: dict[str, Any]) -> dict[str, Any] | None:
    if described.get("Status") not in ("ENABLED", "ENABLING", "UPDATING"):
        return None
    # Without a key it is the account's own, which DynamoDB shows too.
    key, usual = described.get("KMSMasterKeyArn"), not given.get("kmsKeyArn") and given.get("enabled")
    return {"enabled": True, **({} if usual else {"kmsKeyArn": key})}


def _delete_table(context: Context, id: str, state: State) -> None:
    context.client("dynamodb").delete_table(TableName=id)


TYPES = {
    "aws:dynamodb/table:Table": ResourceType(
        _create_table,
        _delete_table,
        _update_table,
        frozenset({"name", "hashKey", "rangeKey"}),
        found_by("dynamodb", "DescribeTable", lambda it: {"TableName": it["id"]}),
        tagged("dynamodb", lambda it: {"ResourceArn": it["arn"]}),
        _read_table,
        defaults={"billingMode": "PROVISIONED"},
        unordered=frozenset({"attributes", "globalSecondaryIndexes", "globalSecondaryIndexes.nonKeyAttributes"}),
        unread=frozenset({"tableClass"}),
    ),
}
