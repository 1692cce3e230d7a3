"""What the sandbox offers of Athena."""

from eda_sandbox.foundation.cloud import ACCOUNT
from eda_sandbox.foundation.offered import Offered

_SETTINGS = (
    "EnforceWorkGroupConfiguration PublishCloudWatchMetricsEnabled BytesScannedCutoffPerQuery RequesterPaysEnabled "
    "EngineVersion ResultConfiguration ResultConfigurationUpdates RemoveBytesScannedCutoffPerQuery"
)
"""``workgroups.py`` says which values they may have; that a requester pays, and metrics, have no effect."""


def _settings(name: str) -> str:
    idle = f"~{name}.PublishCloudWatchMetricsEnabled ~{name}.RequesterPaysEnabled"
    of = f"{name}.ResultConfiguration{'Updates' if name.endswith('Updates') else ''}"
    return " ".join(
        [*(f"{name}.{member}" for member in _SETTINGS.split()), idle, f"{of}.ExpectedBucketOwner={ACCOUNT}"]
    )


OFFERED = Offered(
    "athena",
    "InvalidRequestException",
    {
        "BatchGetNamedQuery": "*",
        "BatchGetQueryExecution": "*",
        "CreateNamedQuery": "*",
        "CreateWorkGroup": f"Name Description Tags {_settings('Configuration')}",
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
        "UpdateWorkGroup": f"WorkGroup Description State {_settings('ConfigurationUpdates')}",
    },
)
