"""From a buffer's records to objects in S3, with the role of the destination."""

import base64
import gzip
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.firehose import prefix
from eda_sandbox.services.firehose.configuration import conversion_of, delimiter_of, time_zone
from eda_sandbox.services.firehose.conversion import ConversionFailure, Schema, parquet, schema_of

PRINCIPAL = "firehose.amazonaws.com"
FORMAT_CONVERSION_FAILED = "format-conversion-failed"
MISSING = ("EntityNotFoundException",)
"""Errors of Glue that do not go away by trying again."""


@dataclass(frozen=True)
class Record:
    """One record: its data, when it came, and its id (direct put) or sequence number (Kinesis)."""

    data: bytes
    arrived: datetime
    id: str


@dataclass(frozen=True)
class S3Object:
    """An object that has to be written."""

    key: str
    body: bytes


@dataclass(frozen=True)
class Failed:
    """A record that could not be converted, and why."""

    record: Record
    failure: ConversionFailure


@dataclass(frozen=True)
class Origin:
    """Which delivery stream an object is of."""

    name: str
    arn: str
    version: int


def objects(
    cloud: Cloud, origin: Origin, destination: dict[str, Any], records: Sequence[Record]
) -> tuple[list[S3Object], list[Failed]]:
    """The objects of one flush: the data, and the records that cannot be data.

    Args:
        cloud: the embedded AWS.
        origin: the delivery stream.
        destination: its destination, complete.
        records: at least one, in order.

    Raises:
        botocore.exceptions.ClientError: the schema could not be read now.
        AwsError: Firehose cannot assume the role that reads the schema.
    """
    at = min(record.arrived for record in records).astimezone(time_zone(destination))
    suffix = f"{origin.name}-{origin.version}-{prefix.format_time('yyyy-MM-dd-HH-mm-ss', at)}-{uuid.uuid4()}"
    conversion = conversion_of(destination)
    failed: list[Failed] = []
    if conversion is None:
        delimiter = delimiter_of(destination)
        body: bytes | None = b"".join(record.data + delimiter for record in records)
        extension = ""
        if destination["CompressionFormat"] == "GZIP":
            body, extension = gzip.compress(body or b"", compresslevel=6), ".gz"
    else:
        body, failed = _converted(cloud, conversion, records)
        extension = ".parquet"
    made = []
    if body is not None:
        extension = destination.get("FileExtension") or extension
        made.append(S3Object(f"{prefix.evaluate(destination.get('Prefix'), at)}{suffix}{extension}", body))
    if failed and conversion is not None:
        where = prefix.evaluate_error(
            destination.get("Prefix"), destination.get("ErrorOutputPrefix"), FORMAT_CONVERSION_FAILED, at
        )
        lines = "".join(f"{json.dumps(_error_line(cloud, conversion, found))}\n" for found in failed)
        made.append(S3Object(f"{where}{suffix}", lines.encode()))
    return made, failed


def write(cloud: Cloud, origin: Origin, destination: dict[str, Any], made: S3Object) -> None:
    """Write one object.

    Raises:
        botocore.exceptions.ClientError: the bucket does not take it now.
        AwsError: Firehose cannot assume the role, or the role may not decrypt what it writes.
    """
    s3 = cloud.client("s3", destination["RoleARN"], PRINCIPAL, origin.arn)
    bucket = destination["BucketARN"].rpartition(":")[2]
    key = destination["EncryptionConfiguration"].get("KMSEncryptionConfig", {}).get("AWSKMSKeyARN")
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
    # Firehose looks where the bucket lies before it writes; its role needs both.
    s3.get_bucket_location(Bucket=bucket)
    # It uploads in parts, and so decrypts too (Firehose documentation, access to an Amazon S3 destination).
    used = key or cloud.key_of("s3", bucket)
    refused = cloud.why_not_decrypt(used, "s3", destination["RoleARN"], PRINCIPAL) if used else None
    if refused is not None:
        raise AwsError("AccessDenied", refused, 403)
    s3.put_object(Bucket=bucket, Key=made.key, Body=made.body, ContentType="application/octet-stream", **encryption)


def _converted(
    cloud: Cloud, conversion: dict[str, Any], records: Sequence[Record]
) -> tuple[bytes | None, list[Failed]]:
    try:
        schema = _schema(cloud, conversion)
    except ConversionFailure as failure:
        return None, [Failed(record, failure) for record in records]
    rows: list[dict[str, Any]] = []
    failed = []
    for record in records:
        try:
            rows += schema.rows(record.data)
        except ConversionFailure as failure:
            failed.append(Failed(record, failure))
    compression = conversion["OutputFormatConfiguration"]["Serializer"]["ParquetSerDe"].get("Compression", "SNAPPY")
    return parquet(schema, rows, compression, cloud.folder) if rows else None, failed


def _schema(cloud: Cloud, conversion: dict[str, Any]) -> Schema:
    configuration = conversion["SchemaConfiguration"]
    glue = cloud.client("glue", configuration["RoleARN"], PRINCIPAL)
    database, table = configuration["DatabaseName"], configuration["TableName"]
    version = configuration.get("VersionId", "LATEST")
    try:
        if version == "LATEST":
            found = glue.get_table(DatabaseName=database, Name=table)["Table"]
        else:
            answer = glue.get_table_version(DatabaseName=database, TableName=table, VersionId=version)
            found = answer["TableVersion"]["Table"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in MISSING:
            raise
        raise ConversionFailure(
            "EntityNotFound",
            "The specified table/database could not be found. Please ensure that the table/database exists and that "
            "the values provided in the schema configuration are correct, especially with regards to casing.",
        ) from None
    columns = found.get("StorageDescriptor", {}).get("Columns", [])
    openx = conversion["InputFormatConfiguration"]["Deserializer"]["OpenXJsonSerDe"]
    return schema_of(columns, openx)


def _error_line(cloud: Cloud, conversion: dict[str, Any], found: Failed) -> dict[str, Any]:
    schema, now = conversion["SchemaConfiguration"], datetime.now(UTC)
    return {
        "attemptsMade": 1,
        "arrivalTimestamp": int(found.record.arrived.timestamp() * 1000),
        "lastErrorCode": found.failure.code,
        "lastErrorMessage": found.failure.message,
        "attemptEndingTimestamp": int(now.timestamp() * 1000),
        "rawData": base64.b64encode(found.record.data).decode(),
        "sequenceNumber": found.record.id,
        "dataCatalogTable": {
            "catalogId": schema.get("CatalogId", cloud.account),
            "databaseName": schema["DatabaseName"],
            "tableName": schema["TableName"],
            "region": schema.get("Region", cloud.region),
            "versionId": schema.get("VersionId", "LATEST"),
        },
    }


def reason(error: Exception) -> tuple[str, str]:
    """Code and message of a delivery's failure, as the error log has them."""
    if isinstance(error, ClientError):
        service = "DataFormatConversion" if error.operation_name.startswith("GetTable") else "S3"
        return f"{service}.{error.response['Error']['Code']}", str(error)
    return f"S3.{error.code}" if isinstance(error, AwsError) else "InternalError", str(error)
