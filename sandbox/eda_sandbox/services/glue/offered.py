"""What the sandbox offers of Glue: the catalog, and jobs of the Python shell."""

from eda_sandbox.foundation.cloud import ACCOUNT
from eda_sandbox.foundation.offered import Offered

_OWN = f"CatalogId={ACCOUNT}"
_SPARK = "AllocatedCapacity NumberOfWorkers WorkerType ExecutionClass"
"""They are refused for jobs of the Python shell, as on AWS."""
_JOB = (
    f"Role JobMode=SCRIPT Description ExecutionProperty Command DefaultArguments NonOverridableArguments MaxRetries "
    f"Timeout MaxCapacity SecurityConfiguration GlueVersion CodeGenConfigurationNodes ~Connections ~LogUri {_SPARK}"
)
_DATABASE = f"{_OWN} DatabaseInput -DatabaseInput.TargetDatabase -DatabaseInput.FederatedDatabase"
_TABLE = (
    f"{_OWN} DatabaseName Name TableInput -TableInput.TargetTable -TableInput.FederatedTable -TableInput.ViewDefinition"
)


def _under(name: str, members: str) -> str:
    return " ".join(f"~{name}.{member[1:]}" if member[0] == "~" else f"{name}.{member}" for member in members.split())


OFFERED = Offered(
    "glue",
    "InvalidInputException",
    {
        "BatchCreatePartition": f"{_OWN} DatabaseName TableName PartitionInputList",
        "BatchDeletePartition": f"{_OWN} DatabaseName TableName PartitionsToDelete",
        "BatchDeleteTable": f"{_OWN} DatabaseName TablesToDelete",
        "BatchGetPartition": f"{_OWN} DatabaseName TableName PartitionsToGet",
        "BatchStopJobRun": "*",
        "CreateDatabase": f"{_DATABASE} Tags",
        "CreateJob": f"Name Tags {_JOB}",
        "CreatePartition": f"{_OWN} DatabaseName TableName PartitionInput",
        "CreateSecurityConfiguration": "*",
        "CreateTable": f"{_TABLE}",
        "DeleteDatabase": f"{_OWN} Name",
        "DeleteJob": "*",
        "DeletePartition": f"{_OWN} DatabaseName TableName PartitionValues",
        "DeleteSecurityConfiguration": "*",
        "DeleteTable": f"{_OWN} DatabaseName Name",
        "GetDatabase": f"{_OWN} Name",
        "GetDatabases": f"{_OWN} NextToken MaxResults",
        "GetJob": "*",
        "GetJobRun": "JobName RunId",
        "GetJobRuns": "*",
        "GetJobs": "*",
        "GetPartition": f"{_OWN} DatabaseName TableName PartitionValues",
        "GetPartitions": f"{_OWN} DatabaseName TableName Expression NextToken MaxResults",
        "GetSecurityConfiguration": "*",
        "GetSecurityConfigurations": "*",
        "GetTable": f"{_OWN} DatabaseName Name",
        "GetTableVersion": f"{_OWN} DatabaseName TableName VersionId",
        "GetTableVersions": f"{_OWN} DatabaseName TableName NextToken MaxResults",
        "GetTables": f"{_OWN} DatabaseName Expression NextToken MaxResults",
        "GetTags": "*",
        "StartJobRun": f"JobName JobRunId Arguments Timeout MaxCapacity SecurityConfiguration {_SPARK}",
        "TagResource": "*",
        "UntagResource": "*",
        "UpdateDatabase": f"{_DATABASE} Name",
        "UpdateJob": f"JobName {_under('JobUpdate', _JOB)}",
        "UpdatePartition": f"{_OWN} DatabaseName TableName PartitionValueList PartitionInput",
        "UpdateTable": f"{_TABLE} SkipArchive VersionId",
    },
)
