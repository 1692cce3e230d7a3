"""What the sandbox offers of Lambda; ``configuration.py`` and ``mapping_options.py`` say which values it may have."""

from eda_sandbox.foundation.offered import Offered

_FUNCTION = "-FileSystemConfigs -ImageConfig -CapacityProviderConfig -DurableConfig SnapStart.ApplyOn=None ~VpcConfig"
_MAPPING = (
    "-SourceAccessConfigurations -AmazonManagedKafkaEventSourceConfig -SelfManagedKafkaEventSourceConfig "
    "-DocumentDBEventSourceConfig -ProvisionedPollerConfig"
)
OFFERED = Offered(
    "lambda",
    "InvalidParameterValueException",
    {
        "AddPermission": "*",
        "CreateEventSourceMapping": f"* {_MAPPING} -Topics -Queues -SelfManagedEventSource",
        "CreateFunction": f"* {_FUNCTION} -Code.ImageUri -Code.SourceKMSKeyArn -CodeSigningConfigArn -PublishTo "
        "-TenancyConfig Publish=false PackageType=Zip ~Architectures",
        "DeleteEventSourceMapping": "*",
        "DeleteFunction": "*",
        "DeleteFunctionConcurrency": "*",
        "DeleteFunctionEventInvokeConfig": "*",
        "DeleteLayerVersion": "*",
        "GetAccountSettings": "*",
        "GetEventSourceMapping": "*",
        "GetFunction": "*",
        "GetFunctionConcurrency": "*",
        "GetFunctionConfiguration": "*",
        "GetFunctionEventInvokeConfig": "*",
        "GetLayerVersionByArn": "*",
        "GetPolicy": "*",
        "Invoke": "* -DurableExecutionName -TenantId",
        "ListEventSourceMappings": "*",
        "ListFunctionEventInvokeConfigs": "*",
        "ListFunctions": "*",
        "ListTags": "*",
        "PublishLayerVersion": "* ~LicenseInfo -Content.S3ObjectStorageMode",
        "PutFunctionConcurrency": "*",
        "PutFunctionEventInvokeConfig": "*",
        "RemovePermission": "*",
        "TagResource": "*",
        "UntagResource": "*",
        "UpdateEventSourceMapping": f"* {_MAPPING}",
        "UpdateFunctionCode": "* -SourceKMSKeyArn -PublishTo Publish=false S3ObjectStorageMode=COPY ~Architectures",
        "UpdateFunctionConfiguration": f"* {_FUNCTION}",
        "UpdateFunctionEventInvokeConfig": "*",
    },
)
