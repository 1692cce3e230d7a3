"""What the sandbox offers of Redshift Serverless and of its Data API."""

from eda_sandbox.foundation.offered import Offered

_WORKGROUP = (
    "workgroupName baseCapacity maxCapacity port subnetIds ~configParameters ~enhancedVpcRouting "
    "~publiclyAccessible ~securityGroupIds ~trackName"
)
_NAMESPACE = (
    "namespaceName adminPasswordSecretKmsKeyId adminUserPassword adminUsername defaultIamRoleArn iamRoles "
    "manageAdminPassword kmsKeyId ~logExports"
)
OFFERED_SERVERLESS = Offered(
    "redshift-serverless",
    "ValidationException",
    {
        "CreateNamespace": f"{_NAMESPACE} dbName tags",
        "CreateUsageLimit": "* ~amount ~breachAction",
        "CreateWorkgroup": f"{_WORKGROUP} namespaceName tags",
        "DeleteNamespace": "namespaceName",
        "DeleteUsageLimit": "*",
        "DeleteWorkgroup": "*",
        "GetCredentials": "workgroupName durationSeconds ~dbName",
        "GetNamespace": "*",
        "GetUsageLimit": "*",
        "GetWorkgroup": "*",
        "ListNamespaces": "*",
        "ListTagsForResource": "*",
        "ListUsageLimits": "*",
        "ListWorkgroups": "maxResults nextToken",
        "TagResource": "*",
        "UntagResource": "*",
        "UpdateNamespace": _NAMESPACE,
        "UpdateUsageLimit": "* ~amount ~breachAction",
        "UpdateWorkgroup": _WORKGROUP,
    },
)
_LOGIN = "SecretArn DbUser Database WorkgroupName ClusterIdentifier"
_STATEMENT = f"{_LOGIN} WithEvent StatementName Parameters ClientToken WaitTimeSeconds ResultFormat=JSON"
OFFERED_DATA = Offered(
    "redshift-data",
    "ValidationException",
    {
        "BatchExecuteStatement": f"Sqls {_STATEMENT} ExecutionMode",
        "CancelStatement": "*",
        "DescribeStatement": "*",
        "DescribeTable": f"{_LOGIN} Schema Table NextToken MaxResults",
        "ExecuteStatement": f"Sql {_STATEMENT}",
        "GetStatementResult": "*",
        "ListDatabases": f"{_LOGIN} NextToken MaxResults",
        "ListSchemas": f"{_LOGIN} SchemaPattern NextToken MaxResults",
        "ListStatements": "*",
        "ListTables": f"{_LOGIN} SchemaPattern TablePattern NextToken MaxResults",
    },
)
