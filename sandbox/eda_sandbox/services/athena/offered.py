"""What the sandbox offers of Athena."""

from eda_sandbox.foundation.cloud import ACCOUNT
from eda_sandbox.foundation.offered import Offered

_SETTINGS = (
    "EnforceWorkGroupConfiguration ~PublishCloudWatchMetricsEnabled BytesScannedCutoffPerQuery ~RequesterPaysEnabled "
    "EngineVersion"
)
"""``workgroups.py`` says which values they may have."""


def _settings(name: str, *more: str) -> str:
    return " ".join(
        f"~{name}.{member[1:]}" if member[0] == "~" else f"{name}.{member}" for member in (*_SETTINGS.split(), *more)
    )


OFFERED = Offered(
    "athena",
    "InvalidRequestException",
    {
        "BatchGetNamedQuery": "*",
        "BatchGetQueryExecution": "*",
        "CreateNamedQuery": "*",
        "CreateWorkGroup": "Name Description Tags "
        + _settings("Configuration", "ResultConfiguration", f"ResultConfiguration.ExpectedBucketOwner={ACCOUNT}"),
        "DeleteNamedQuery": "*",
        "DeleteWorkGroup": "*",
        "GetNamedQuery": "*",
        "GetQueryExecution": "*",
        "GetQueryResults": "* QueryResultType=DATA_ROWS",
        "GetWorkGroup": "*",
        "ListNamedQueries": "*",
        "ListQueryExecutions": "*",
        "ListTagsForResource": "*",
        "ListWorkGroups": "*",
        "StartQueryExecution": "QueryString ClientRequestToken QueryExecutionContext WorkGroup ExecutionParameters "
        f"ResultConfiguration ResultConfiguration.ExpectedBucketOwner={ACCOUNT} "
        "ResultReuseConfiguration.ResultReuseByAgeConfiguration.Enabled=false "
        "~ResultReuseConfiguration.ResultReuseByAgeConfiguration.MaxAgeInMinutes",
        "StopQueryExecution": "*",
        "TagResource": "*",
        "UntagResource": "*",
        "UpdateNamedQuery": "*",
        "UpdateWorkGroup": "WorkGroup Description State "
        + _settings(
            "ConfigurationUpdates",
            "RemoveBytesScannedCutoffPerQuery",
            "ResultConfigurationUpdates",
            f"ResultConfigurationUpdates.ExpectedBucketOwner={ACCOUNT}",
        ),
    },
)
