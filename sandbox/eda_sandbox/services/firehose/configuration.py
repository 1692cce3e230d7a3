"""What a delivery stream may be configured with: the service's own rules beyond its API model, and what is offered."""

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.firehose import prefix

DESTINATION = "ExtendedS3DestinationConfiguration"
CONVERSION_SIZE = 64
"""MiB that a buffer has at least when records are converted."""
DEFAULT_INTERVAL, DEFAULT_SIZE, DEFAULT_CONVERSION_SIZE = 300, 5, 128
COMPRESSIONS = ("UNCOMPRESSED", "GZIP")
_DESTINATION_ROLES = ("RoleARN", "DataFormatConversionConfiguration.SchemaConfiguration.RoleARN")
ROLES = {
    "CreateDeliveryStream": (
        "KinesisStreamSourceConfiguration.RoleARN",
        "S3DestinationConfiguration.RoleARN",
        *(f"{DESTINATION}.{path}" for path in _DESTINATION_ROLES),
    ),
    "UpdateDestination": (
        "S3DestinationUpdate.RoleARN",
        *(f"ExtendedS3DestinationUpdate.{path}" for path in _DESTINATION_ROLES),
    ),
}
"""Where the requests name the roles that a delivery stream works with."""
PARQUET_COMPRESSIONS = ("UNCOMPRESSED", "GZIP", "SNAPPY")


def check_source(request: dict[str, Any]) -> str:
    """The type of a delivery stream.

    Raises:
        AwsError: ``InvalidArgumentException`` for a source that does not fit its type or is not offered.
    """
    kind: str = request.get("DeliveryStreamType", "DirectPut")
    if kind not in ("DirectPut", "KinesisStreamAsSource"):
        raise invalid(
            f"DeliveryStreamType {kind} is not offered by the sandbox; DirectPut and KinesisStreamAsSource are"
        )
    of_kinesis = kind == "KinesisStreamAsSource"
    if of_kinesis != ("KinesisStreamSourceConfiguration" in request):
        raise invalid("KinesisStreamSourceConfiguration belongs to DeliveryStreamType KinesisStreamAsSource")
    if of_kinesis and "DeliveryStreamEncryptionConfigurationInput" in request:
        raise invalid("Server-side encryption is that of the Kinesis stream when a delivery stream reads one")
    return kind


def destination_of(request: dict[str, Any]) -> dict[str, Any]:
    """The one destination of a ``CreateDeliveryStream`` request, checked and with its defaults.

    Raises:
        AwsError: ``InvalidArgumentException`` naming the parameter.
    """
    others = [name for name in request if name.endswith("DestinationConfiguration") and name != DESTINATION]
    if others:
        raise invalid(f"{others[0]} is not offered by the sandbox; {DESTINATION} is")
    if DESTINATION not in request:
        raise invalid("Exactly one destination configuration is supported for a Firehose")
    return complete(request[DESTINATION])


def complete(given: dict[str, Any]) -> dict[str, Any]:
    """A destination with what it leaves to the service.

    Raises:
        AwsError: ``InvalidArgumentException`` naming the parameter.
    """
    converts = conversion_of(given) is not None
    hints = given.get("BufferingHints", {})
    if len(hints) == 1:
        raise invalid("BufferingHints: when one of SizeInMBs and IntervalInSeconds is given, the other must be too")
    size = hints.get("SizeInMBs", DEFAULT_CONVERSION_SIZE if converts else DEFAULT_SIZE)
    destination = {
        "CompressionFormat": "UNCOMPRESSED",
        "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
        "CloudWatchLoggingOptions": {"Enabled": False},
        "S3BackupMode": "Disabled",
        **given,
        "BufferingHints": {"SizeInMBs": size, "IntervalInSeconds": hints.get("IntervalInSeconds", DEFAULT_INTERVAL)},
    }
    prefix.check(destination.get("Prefix"), destination.get("ErrorOutputPrefix"))
    _check_compression(destination, converts=converts)
    _check_not_offered(destination)
    _check_processors(destination)
    if converts:
        if size < CONVERSION_SIZE:
            raise invalid(
                f"BufferingHints.SizeInMBs must be at least {CONVERSION_SIZE} when data format conversion is enabled."
            )
        _check_conversion(destination["DataFormatConversionConfiguration"])
    logging = destination["CloudWatchLoggingOptions"]
    if logging.get("Enabled") and not (logging.get("LogGroupName") and logging.get("LogStreamName")):
        raise invalid("CloudWatchLoggingOptions: LogGroupName and LogStreamName are needed when logging is enabled")
    time_zone(destination)
    return destination


def conversion_of(destination: dict[str, Any]) -> dict[str, Any] | None:
    """The conversion of the records' format, None when there is none."""
    found: dict[str, Any] | None = destination.get("DataFormatConversionConfiguration")
    return found if found is not None and found.get("Enabled", True) else None


def delimiter_of(destination: dict[str, Any]) -> bytes:
    """What is put behind each record."""
    processing = destination.get("ProcessingConfiguration", {})
    for processor in processing.get("Processors", []) if processing.get("Enabled") else []:
        if processor["Type"] == "AppendDelimiterToRecord":
            parameters = {found["ParameterName"]: found["ParameterValue"] for found in processor.get("Parameters", [])}
            # The console and the documentation write a line feed as backslash and n.
            text: str = parameters.get("Delimiter", "\\n")
            return text.replace("\\n", "\n").replace("\\t", "\t").encode()
    return b""


def time_zone(destination: dict[str, Any]) -> ZoneInfo:
    """The time zone of prefixes and names.

    Raises:
        AwsError: there is none of that name.
    """
    name = destination.get("CustomTimeZone") or "UTC"
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise invalid(f"CustomTimeZone {name} is no time zone") from None


def _check_compression(destination: dict[str, Any], *, converts: bool) -> None:
    compression = destination["CompressionFormat"]
    if converts and compression != "UNCOMPRESSED":
        raise invalid("CompressionFormat must be UNCOMPRESSED when data format conversion is enabled.")
    if compression not in COMPRESSIONS:
        raise invalid(f"CompressionFormat {compression} is not offered by the sandbox; {', '.join(COMPRESSIONS)} are")


def _check_not_offered(destination: dict[str, Any]) -> None:
    if destination["S3BackupMode"] != "Disabled":
        raise invalid("S3BackupMode Enabled is not offered by the sandbox")
    if destination.get("DynamicPartitioningConfiguration", {}).get("Enabled"):
        raise invalid("DynamicPartitioningConfiguration is not offered by the sandbox")


def _check_processors(destination: dict[str, Any]) -> None:
    processing = destination.get("ProcessingConfiguration", {})
    for processor in processing.get("Processors", []) if processing.get("Enabled") else []:
        if processor["Type"] != "AppendDelimiterToRecord":
            raise invalid(f"Processor {processor['Type']} is not offered by the sandbox; AppendDelimiterToRecord is")


def _check_conversion(conversion: dict[str, Any]) -> None:
    schema = conversion.get("SchemaConfiguration", {})
    for name in ("RoleARN", "DatabaseName", "TableName"):
        if not schema.get(name):
            raise invalid(f"DataFormatConversionConfiguration.SchemaConfiguration.{name} is required")
    deserializer = conversion.get("InputFormatConfiguration", {}).get("Deserializer", {})
    if "OpenXJsonSerDe" not in deserializer:
        found = ", ".join(deserializer) or "none"
        raise invalid(f"InputFormatConfiguration.Deserializer is {found}; the sandbox offers OpenXJsonSerDe")
    serializer = conversion.get("OutputFormatConfiguration", {}).get("Serializer", {})
    if "ParquetSerDe" not in serializer:
        found = ", ".join(serializer) or "none"
        raise invalid(f"OutputFormatConfiguration.Serializer is {found}; the sandbox offers ParquetSerDe")


def invalid(problem: str) -> AwsError:
    """The service's error for an argument."""
    return AwsError("InvalidArgumentException", problem)
