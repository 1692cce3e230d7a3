"""What the sandbox offers of QuickSight."""

from eda_sandbox.foundation.cloud import ACCOUNT
from eda_sandbox.foundation.offered import Offered

_OWN = f"AwsAccountId={ACCOUNT}"
_SOURCE = (
    "AwsAccountId DataSourceId Name DataSourceParameters.RedshiftParameters "
    "-DataSourceParameters.RedshiftParameters.IdentityCenterConfiguration Credentials.CredentialPair "
    "Credentials.CopySourceArn Credentials.SecretArn ~VpcConnectionProperties ~SslProperties"
)
_SET = (
    "AwsAccountId DataSetId Name PhysicalTableMap ImportMode ~LogicalTableMap ~ColumnGroups ~FieldFolders "
    "~RowLevelPermissionDataSet ~RowLevelPermissionTagConfiguration ~ColumnLevelPermissionRules"
)
OFFERED = Offered(
    "quicksight",
    "InvalidParameterValueException",
    {
        "CancelIngestion": f"{_OWN} DataSetId IngestionId",
        "CreateDataSet": f"{_SET} ~Permissions Tags",
        "CreateDataSource": f"{_SOURCE} Type=REDSHIFT ~Permissions Tags",
        "CreateIngestion": "*",
        "DeleteDataSet": f"{_OWN} DataSetId",
        "DeleteDataSetRefreshProperties": f"{_OWN} DataSetId",
        "DeleteDataSource": f"{_OWN} DataSourceId",
        "DescribeDataSet": f"{_OWN} DataSetId",
        "DescribeDataSetPermissions": f"{_OWN} DataSetId",
        "DescribeDataSetRefreshProperties": f"{_OWN} DataSetId",
        "DescribeDataSource": f"{_OWN} DataSourceId",
        "DescribeIngestion": f"{_OWN} DataSetId IngestionId",
        "ListDataSets": f"{_OWN} NextToken MaxResults",
        "ListDataSources": f"{_OWN} NextToken MaxResults",
        "ListIngestions": f"{_OWN} DataSetId NextToken MaxResults",
        "ListTagsForResource": "*",
        "PutDataSetRefreshProperties": f"{_OWN} DataSetId DataSetRefreshProperties.RefreshConfiguration",
        "TagResource": "*",
        "UntagResource": "*",
        "UpdateDataSet": _SET.replace("AwsAccountId", _OWN),
        "UpdateDataSource": _SOURCE.replace("AwsAccountId", _OWN),
    },
)
