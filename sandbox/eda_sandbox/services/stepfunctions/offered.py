"""What the sandbox offers of Step Functions."""

from eda_sandbox.foundation.offered import Offered

_MACHINE = (
    "publish=false -versionDescription encryptionConfiguration.type=AWS_OWNED_KEY "
    "-encryptionConfiguration.kmsKeyId -encryptionConfiguration.kmsDataKeyReusePeriodSeconds ~tracingConfiguration"
)
OFFERED = Offered(
    "stepfunctions",
    "ValidationException",
    {
        "CreateStateMachine": f"* {_MACHINE}",
        "DeleteStateMachine": "*",
        "DescribeExecution": "*",
        "DescribeStateMachine": "*",
        "DescribeStateMachineForExecution": "*",
        "GetExecutionHistory": "*",
        "ListExecutions": "* -mapRunArn -redriveFilter",
        "ListStateMachines": "*",
        "ListTagsForResource": "*",
        "RedriveExecution": "* ~clientToken",
        "SendTaskFailure": "*",
        "SendTaskHeartbeat": "*",
        "SendTaskSuccess": "*",
        "StartExecution": "*",
        "StartSyncExecution": "*",
        "StopExecution": "*",
        "TagResource": "*",
        "UntagResource": "*",
        "UpdateStateMachine": f"* {_MACHINE}",
        "ValidateStateMachineDefinition": "*",
    },
)
