"""What the sandbox offers of EventBridge Pipes."""

from eda_sandbox.foundation.offered import Offered

_PIPE = (
    "Name Description DesiredState RoleArn LogConfiguration -LogConfiguration.S3LogDestination "
    "-LogConfiguration.FirehoseLogDestination ~KmsKeyIdentifier Target TargetParameters.InputTemplate "
    "TargetParameters.LambdaFunctionParameters TargetParameters.SqsQueueParameters "
    "TargetParameters.StepFunctionStateMachineParameters "
)
_SOURCE = (
    "SourceParameters.FilterCriteria SourceParameters.DynamoDBStreamParameters "
    "SourceParameters.KinesisStreamParameters "
    "~SourceParameters.DynamoDBStreamParameters.ParallelizationFactor "
    "~SourceParameters.KinesisStreamParameters.ParallelizationFactor "
)
OFFERED = Offered(
    "pipes",
    "ValidationException",
    {
        "CreatePipe": f"{_PIPE} {_SOURCE} Source Tags",
        "DeletePipe": "*",
        "DescribePipe": "*",
        "ListPipes": "*",
        "ListTagsForResource": "*",
        "StartPipe": "*",
        "StopPipe": "*",
        "TagResource": "*",
        "UntagResource": "*",
        "UpdatePipe": f"{_PIPE} {_SOURCE}",
    },
)
