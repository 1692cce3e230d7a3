"""Delivery streams."""

from typing import Any

from eda_sandbox.foundation.cloud import service_model
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.convert import Inputs, UnknownProperty, pairs, properties, to_members
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, found_by
from eda_sandbox.provider.tags import tagged, tags_of
from eda_sandbox.provider.waiting import settle

_TYPE = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"


def _destination(given: dict[str, Any], structure: str) -> dict[str, Any]:
    """A destination as the API takes it; the provider has some of its members in other places."""
    values = dict(given)
    interval, size = values.pop("bufferingInterval", None), values.pop("bufferingSize", None)
    hints = {"IntervalInSeconds": interval, "SizeInMBs": size}
    key, partitioning = values.pop("kmsKeyArn", None), values.pop("dynamicPartitioningConfiguration", None)
    backup = values.pop("s3BackupConfiguration", None)
    if backup is not None:
        raise UnknownProperty(_TYPE, "extendedS3Configuration.s3BackupConfiguration", sorted(given))
    shape = service_model("firehose").shape_for(structure)
    made = to_members(_TYPE, shape, values, {}, "extendedS3Configuration.")  # type: ignore[arg-type]  # a structure
    if interval is not None or size is not None:
        # The provider's own defaults.
        defaults = {"IntervalInSeconds": 300, "SizeInMBs": 5}
        made["BufferingHints"] = {name: int(defaults[name] if v is None else v) for name, v in hints.items()}
    if key:
        made["EncryptionConfiguration"] = {"KMSEncryptionConfig": {"AWSKMSKeyARN": key}}
    if partitioning:
        made["DynamicPartitioningConfiguration"] = {"Enabled": bool(partitioning.get("enabled"))}
    return made


def _create_delivery_stream(context: Context, inputs: Inputs) -> Created:
    name, kind = context.auto_name(inputs.take("name")), inputs.need("destination")
    if kind != "extended_s3":
        raise SandboxError(f"{_TYPE}: 'destination' is {kind!r}; the sandbox offers 'extended_s3'")
    destination = _destination(inputs.need("extendedS3Configuration"), "ExtendedS3DestinationConfiguration")
    source, encryption = inputs.take("kinesisSourceConfiguration"), inputs.take("serverSideEncryption") or {}
    tags = inputs.tags()
    inputs.done()
    request: dict[str, Any] = {"DeliveryStreamType": "DirectPut"}
    if source:
        request["DeliveryStreamType"] = "KinesisStreamAsSource"
        request["KinesisStreamSourceConfiguration"] = {
            "KinesisStreamARN": source["kinesisStreamArn"],
            "RoleARN": source["roleArn"],
        }
    if encryption.get("enabled"):
        key = {"KeyARN": encryption["keyArn"]} if encryption.get("keyArn") else {}
        request["DeliveryStreamEncryptionConfigurationInput"] = {
            "KeyType": encryption.get("keyType", "AWS_OWNED_CMK"),
            **key,
        }
    firehose = context.client("firehose")
    arn = firehose.create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration=destination,
        **request,
        **({"Tags": pairs(tags)} if tags else {}),
    )["DeliveryStreamARN"]
    found = _settle(context, name)
    outputs = {
        "name": name,
        "arn": arn,
        "destinationId": found["Destinations"][0]["DestinationId"],
        "versionId": found["VersionId"],
    }
    return Created(arn, outputs)


def _settle(context: Context, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def state() -> tuple[str, str | None]:
        answer = context.client("firehose").describe_delivery_stream(DeliveryStreamName=name)
        found.update(answer["DeliveryStreamDescription"])
        return found["DeliveryStreamStatus"], None

    settle(f"the delivery stream {name}", state, frozenset({"ACTIVE"}), "_FAILED")
    return found


def _update_delivery_stream(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    for untouched in ("name", "destination", "kinesisSourceConfiguration", "serverSideEncryption", "tags", "tagsAll"):
        inputs.take(untouched)
    update = _destination(inputs.need("extendedS3Configuration"), "ExtendedS3DestinationUpdate")
    inputs.done()
    firehose, name = context.client("firehose"), state["name"]
    found = _settle(context, name)
    firehose.update_destination(
        DeliveryStreamName=name,
        CurrentDeliveryStreamVersionId=found["VersionId"],
        DestinationId=found["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate=update,
    )
    return {"versionId": _settle(context, name)["VersionId"]}


def _read_delivery_stream(context: Context, id: str, state: dict[str, Any]) -> Found:
    firehose = context.client("firehose")
    stream = firehose.describe_delivery_stream(DeliveryStreamName=state["name"])["DeliveryStreamDescription"]
    [destination] = stream["Destinations"]
    described = destination["ExtendedS3DestinationDescription"]
    given = properties("firehose", "ExtendedS3DestinationConfiguration", described)
    hints = given.pop("bufferingHints") or {}
    key = (given.pop("encryptionConfiguration") or {}).get("kmsEncryptionConfig") or {}
    given |= {
        "bufferingInterval": hints.get("intervalInSeconds"),
        "bufferingSize": hints.get("sizeInMbs"),
        "kmsKeyArn": key.get("awskmsKeyArn"),
    }
    if given["dynamicPartitioningConfiguration"]:
        given["dynamicPartitioningConfiguration"].pop("retryOptions", None)
    source = stream.get("Source", {}).get("KinesisStreamSourceDescription")
    encryption = stream.get("DeliveryStreamEncryptionConfiguration", {})
    encrypted = encryption.get("Status") in ("ENABLED", "ENABLING")
    found = {
        "name": state["name"],
        "destination": "extended_s3",
        "extendedS3Configuration": {name: value for name, value in given.items() if value is not None},
        "kinesisSourceConfiguration": source
        and {"kinesisStreamArn": source["KinesisStreamARN"], "roleArn": source["RoleARN"]},
        "serverSideEncryption": {
            "enabled": True,
            "keyType": encryption.get("KeyType"),
            "keyArn": encryption.get("KeyARN"),
        }
        if encrypted
        else None,
        "tags": tags_of(firehose.list_tags_for_delivery_stream(DeliveryStreamName=state["name"])["Tags"]),
    }
    outputs = {"arn": id, "destinationId": destination["DestinationId"], "versionId": stream["VersionId"]}
    return Found(found, outputs)


_DEFAULTS = {
    "serverSideEncryption": {"keyType": "AWS_OWNED_CMK"},
    "extendedS3Configuration": {
        "bufferingInterval": 300,
        "bufferingSize": 5,
        "compressionFormat": "UNCOMPRESSED",
        "s3BackupMode": "Disabled",
        "dataFormatConversionConfiguration": {"enabled": True, "schemaConfiguration": {"versionId": "LATEST"}},
        "processingConfiguration": {"enabled": False},
        "fileExtension": "",
        "customTimeZone": "UTC",
    },
}


def _delete_delivery_stream(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("firehose").delete_delivery_stream(DeliveryStreamName=state["name"])


TYPES = {
    _TYPE: ResourceType(
        _create_delivery_stream,
        _delete_delivery_stream,
        _update_delivery_stream,
        frozenset({"name", "destination", "kinesisSourceConfiguration", "serverSideEncryption"}),
        found_by("firehose", "DescribeDeliveryStream", lambda it: {"DeliveryStreamName": it["name"]}),
        tagged(
            "firehose",
            lambda it: {"DeliveryStreamName": it["name"]},
            "TagDeliveryStream",
            "UntagDeliveryStream",
        ),
        _read_delivery_stream,
        lambda _, id: {"name": id.rpartition("/")[2]},
        _DEFAULTS,
    )
}
