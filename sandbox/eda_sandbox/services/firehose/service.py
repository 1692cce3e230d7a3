"""The control plane of Data Firehose, and its puts."""

import threading
from typing import Any

from botocore.exceptions import ClientError

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.service import Service
from eda_sandbox.services.firehose.configuration import ROLES, check_source, complete, destination_of, invalid
from eda_sandbox.services.firehose.delivery import PRINCIPAL
from eda_sandbox.services.firehose.delivery_stream import Backlog, DeliveryStream
from eda_sandbox.services.firehose.offered import OFFERED

DESTINATION_ID = "destinationId-000000000001"
UPDATE = "ExtendedS3DestinationUpdate"
BATCH_BYTES = 4 * 1024 * 1024
TAGS = 50
LISTED = 10


class Firehose(Service):
    """Delivery streams from direct puts and Kinesis streams to S3."""

    name = "firehose"
    principal = PRINCIPAL
    roles = ROLES
    offered = OFFERED

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._lock = threading.RLock()
        self._streams: dict[str, DeliveryStream] = {}

    def stop(self) -> None:
        """Deliver what is buffered."""
        threads = [self.cloud.spawn(stream.close, f"close-{stream.name}") for stream in self._all()]
        for thread in threads:
            thread.join()

    def resource_arn(self, operation: str, request: dict[str, Any]) -> str:
        """The delivery stream's ARN."""
        name = request.get("DeliveryStreamName")
        return self.cloud.arn("firehose", f"deliverystream/{name}") if name else "*"

    def backlog(self, name: str) -> Backlog:
        """What a delivery stream holds that is not in its bucket yet; for tests and the demo.

        Raises:
            AwsError: there is no such stream.
        """
        return self._stream(name).backlog()

    def create_delivery_stream(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateDeliveryStream."""
        name, kind = request["DeliveryStreamName"], check_source(request)
        destination = destination_of(request)
        source = request.get("KinesisStreamSourceConfiguration")
        self._check_roles(destination, source)
        encryption = request.get("DeliveryStreamEncryptionConfigurationInput")
        stream = DeliveryStream(self.cloud, name, kind, source, destination, _tags(request.get("Tags", [])))
        if encryption:
            stream.encryption = self._encryption(encryption)
        with self._lock:
            if name in self._streams:
                raise AwsError(
                    "ResourceInUseException", f"Firehose {name} under accountId {self.cloud.account} already exists."
                )
            self._streams[name] = stream
        self.cloud.spawn(stream.start, f"create-{name}")
        return {"DeliveryStreamARN": stream.arn}

    def describe_delivery_stream(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribeDeliveryStream."""
        stream = self._stream(request["DeliveryStreamName"])
        described = {
            "DeliveryStreamName": stream.name,
            "DeliveryStreamARN": stream.arn,
            "DeliveryStreamStatus": stream.status,
            "DeliveryStreamType": stream.kind,
            "VersionId": str(stream.version),
            "CreateTimestamp": stream.created,
            "LastUpdateTimestamp": stream.updated,
            "DeliveryStreamEncryptionConfiguration": stream.encryption,
            "Destinations": [
                {
                    "DestinationId": DESTINATION_ID,
                    "ExtendedS3DestinationDescription": stream.destination,
                    "S3DestinationDescription": stream.destination,
                }
            ],
            "HasMoreDestinations": False,
        }
        if stream.source is not None:
            started = {"DeliveryStartTimestamp": stream.created}
            described["Source"] = {"KinesisStreamSourceDescription": {**stream.source, **started}}
        return {"DeliveryStreamDescription": described}

    def list_delivery_streams(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListDeliveryStreams, by name."""
        after, kind = request.get("ExclusiveStartDeliveryStreamName", ""), request.get("DeliveryStreamType")
        names = sorted(stream.name for stream in self._all() if stream.name > after and kind in (None, stream.kind))
        limit = request.get("Limit", LISTED)
        return {"DeliveryStreamNames": names[:limit], "HasMoreDeliveryStreams": len(names) > limit}

    def delete_delivery_stream(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteDeliveryStream; what is buffered is delivered first."""
        stream = self._stream(request["DeliveryStreamName"])
        stream.status = "DELETING"

        def delete() -> None:
            stream.close()
            with self._lock:
                if self._streams.get(stream.name) is stream:
                    del self._streams[stream.name]

        self.cloud.spawn(delete, f"delete-{stream.name}")
        return {}

    def update_destination(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateDestination: what is not given stays."""
        stream = self._active(request["DeliveryStreamName"])
        if request["CurrentDeliveryStreamVersionId"] != str(stream.version):
            raise AwsError(
                "ConcurrentModificationException",
                f"The current version of {stream.name} is {stream.version}, not "
                f"{request['CurrentDeliveryStreamVersionId']}.",
            )
        if request["DestinationId"] != DESTINATION_ID:
            raise invalid(f"DestinationId {request['DestinationId']} is none of {stream.name}")
        others = [name for name in request if name.endswith("DestinationUpdate") and name != UPDATE]
        if others:
            raise invalid(f"{others[0]} is not offered by the sandbox; {UPDATE} is")
        changed = complete({**stream.destination, **request.get(UPDATE, {})})
        self._check_roles(changed, None)
        stream.change(destination=changed)
        return {}

    def put_record(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """PutRecord."""
        stream = self._direct(request["DeliveryStreamName"])
        return {"RecordId": stream.put([request["Record"]["Data"]])[0], "Encrypted": _encrypted(stream)}

    def put_record_batch(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """PutRecordBatch: at most 500 records and 4 MiB."""
        stream = self._direct(request["DeliveryStreamName"])
        data = [record["Data"] for record in request["Records"]]
        if sum(map(len, data)) > BATCH_BYTES:
            raise invalid("Records size exceeds 4 MB limit")
        results = [{"RecordId": identifier} for identifier in stream.put(data)]
        return {"FailedPutCount": 0, "Encrypted": _encrypted(stream), "RequestResponses": results}

    def start_delivery_stream_encryption(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """StartDeliveryStreamEncryption."""
        stream = self._direct(request["DeliveryStreamName"])
        given = request.get("DeliveryStreamEncryptionConfigurationInput", {"KeyType": "AWS_OWNED_CMK"})
        stream.change(encryption=self._encryption(given))
        return {}

    def stop_delivery_stream_encryption(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """StopDeliveryStreamEncryption."""
        stream = self._direct(request["DeliveryStreamName"])
        stream.change(encryption={"Status": "DISABLED"})
        return {}

    def tag_delivery_stream(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """TagDeliveryStream."""
        stream = self._stream(request["DeliveryStreamName"])
        tags = {**stream.tags, **_tags(request["Tags"])}
        if len(tags) > TAGS:
            raise AwsError("LimitExceededException", f"A Firehose can have at most {TAGS} tags.")
        stream.tags = tags
        return {}

    def untag_delivery_stream(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UntagDeliveryStream."""
        stream = self._stream(request["DeliveryStreamName"])
        stream.tags = {key: value for key, value in stream.tags.items() if key not in request["TagKeys"]}
        return {}

    def list_tags_for_delivery_stream(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListTagsForDeliveryStream, by key."""
        stream, after = self._stream(request["DeliveryStreamName"]), request.get("ExclusiveStartTagKey", "")
        tags = [{"Key": key, "Value": value} for key, value in sorted(stream.tags.items()) if key > after]
        limit = request.get("Limit", TAGS)
        return {"Tags": tags[:limit], "HasMoreTags": len(tags) > limit}

    def _encryption(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["KeyType"] == "AWS_OWNED_CMK":
            if "KeyARN" in given:
                raise invalid("KeyARN belongs to KeyType CUSTOMER_MANAGED_CMK")
        elif "KeyARN" not in given:
            raise invalid("KeyARN is needed for KeyType CUSTOMER_MANAGED_CMK")
        else:
            try:
                self.cloud.client("kms").describe_key(KeyId=given["KeyARN"])
            except ClientError as error:
                raise AwsError("InvalidKMSResourceException", str(error)) from None
        return {**given, "Status": "ENABLED"}

    def _check_roles(self, destination: dict[str, Any], source: dict[str, Any] | None) -> None:
        schema = destination.get("DataFormatConversionConfiguration", {}).get("SchemaConfiguration", {})
        for role in (destination["RoleARN"], schema.get("RoleARN"), (source or {}).get("RoleARN")):
            if role is None:
                continue
            try:
                self.cloud.credentials(role, PRINCIPAL)
            except AwsError:
                raise invalid(f"Firehose is unable to assume role {role}. Please check the role provided.") from None

    def _stream(self, name: str) -> DeliveryStream:
        with self._lock:
            stream = self._streams.get(name)
        if stream is None:
            raise AwsError(
                "ResourceNotFoundException", f"Firehose {name} under account {self.cloud.account} not found."
            )
        return stream

    def _active(self, name: str) -> DeliveryStream:
        stream = self._stream(name)
        if stream.status != "ACTIVE":
            raise AwsError("ResourceInUseException", f"Firehose {name} is not in the ACTIVE state.")
        return stream

    def _direct(self, name: str) -> DeliveryStream:
        stream = self._active(name)
        if stream.kind != "DirectPut":
            raise invalid(f"This operation is not permitted on {stream.kind} delivery stream type.")
        return stream

    def _all(self) -> list[DeliveryStream]:
        with self._lock:
            return list(self._streams.values())


def _tags(given: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in given}


def _encrypted(stream: DeliveryStream) -> bool:
    return bool(stream.encryption["Status"] == "ENABLED")
