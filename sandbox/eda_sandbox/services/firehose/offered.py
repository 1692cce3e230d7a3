"""What the sandbox offers of Data Firehose."""

from eda_sandbox.foundation.offered import Offered


def _destination(name: str) -> str:
    """The members of the one destination; ``configuration.py`` says what its values may be."""
    members = (
        "RoleARN BucketARN Prefix ErrorOutputPrefix BufferingHints CompressionFormat=UNCOMPRESSED|GZIP "
        "EncryptionConfiguration CloudWatchLoggingOptions ProcessingConfiguration S3BackupMode=Disabled "
        "DataFormatConversionConfiguration DynamicPartitioningConfiguration.Enabled=false FileExtension CustomTimeZone "
        "~DataFormatConversionConfiguration.SchemaConfiguration.CatalogId "
        "~DataFormatConversionConfiguration.SchemaConfiguration.Region"
    )
    return " ".join(f"~{name}.{member[1:]}" if member[0] == "~" else f"{name}.{member}" for member in members.split())


OFFERED = Offered(
    "firehose",
    "InvalidArgumentException",
    {
        "CreateDeliveryStream": "DeliveryStreamName DeliveryStreamType=DirectPut|KinesisStreamAsSource "
        "KinesisStreamSourceConfiguration DeliveryStreamEncryptionConfigurationInput Tags "
        + _destination("ExtendedS3DestinationConfiguration"),
        "DeleteDeliveryStream": "DeliveryStreamName ~AllowForceDelete",
        "DescribeDeliveryStream": "DeliveryStreamName Limit",
        "ListDeliveryStreams": "*",
        "ListTagsForDeliveryStream": "*",
        "PutRecord": "*",
        "PutRecordBatch": "*",
        "StartDeliveryStreamEncryption": "*",
        "StopDeliveryStreamEncryption": "*",
        "TagDeliveryStream": "*",
        "UntagDeliveryStream": "*",
        "UpdateDestination": "DeliveryStreamName CurrentDeliveryStreamVersionId DestinationId "
        + _destination("ExtendedS3DestinationUpdate"),
    },
)
