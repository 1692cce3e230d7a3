"""What the sandbox offers of KMS, Secrets Manager and Parameter Store."""

from eda_sandbox.foundation.offered import Offered

_GRANTS = "~GrantTokens"
KMS = Offered(
    "kms",
    "ValidationException",
    {
        "CancelKeyDeletion": "*",
        "CreateAlias": "*",
        "CreateKey": "Policy Description KeyUsage CustomerMasterKeySpec KeySpec Tags MultiRegion=false "
        "~BypassPolicyLockoutSafetyCheck Origin=AWS_KMS",
        "Decrypt": f"CiphertextBlob EncryptionContext KeyId EncryptionAlgorithm {_GRANTS}",
        "DeleteAlias": "*",
        "DescribeKey": f"KeyId {_GRANTS}",
        "DisableKey": "*",
        "DisableKeyRotation": "*",
        "EnableKey": "*",
        "EnableKeyRotation": "KeyId ~RotationPeriodInDays",
        "Encrypt": f"KeyId Plaintext EncryptionContext EncryptionAlgorithm {_GRANTS}",
        "GenerateDataKey": f"KeyId EncryptionContext NumberOfBytes KeySpec {_GRANTS}",
        "GenerateDataKeyWithoutPlaintext": f"KeyId EncryptionContext NumberOfBytes KeySpec {_GRANTS}",
        "GetKeyPolicy": "KeyId PolicyName=default",
        "GetKeyRotationStatus": "*",
        "ListAliases": "KeyId",
        "ListKeys": "Limit",
        "ListResourceTags": "KeyId",
        "PutKeyPolicy": "KeyId Policy PolicyName=default ~BypassPolicyLockoutSafetyCheck",
        "ScheduleKeyDeletion": "*",
        "TagResource": "*",
        "UntagResource": "*",
        "UpdateAlias": "*",
        "UpdateKeyDescription": "*",
    },
)
SECRETS_MANAGER = Offered(
    "secretsmanager",
    "InvalidParameterException",
    {
        "CreateSecret": "Name Description KmsKeyId SecretBinary SecretString Tags ~ClientRequestToken",
        "DeleteSecret": "*",
        "DescribeSecret": "*",
        "GetSecretValue": "*",
        "ListSecrets": "IncludePlannedDeletion MaxResults NextToken Filters",
        "PutSecretValue": "SecretId ClientRequestToken SecretBinary SecretString VersionStages",
        "RestoreSecret": "*",
        "TagResource": "*",
        "UntagResource": "*",
        "UpdateSecret": "SecretId Description KmsKeyId SecretBinary SecretString ~ClientRequestToken",
    },
)
SSM = Offered(
    "ssm",
    "ValidationException",
    {
        "AddTagsToResource": "* ResourceType=Parameter",
        "DeleteParameter": "*",
        "DeleteParameters": "*",
        "DescribeParameters": "Filters ParameterFilters MaxResults NextToken",
        "GetParameter": "*",
        "GetParameters": "*",
        "ListTagsForResource": "* ResourceType=Parameter",
        "PutParameter": "Name Description Value Type KeyId Overwrite AllowedPattern Tags ~Tier=Standard|Advanced "
        "DataType=text",
        "RemoveTagsFromResource": "* ResourceType=Parameter",
    },
)
