"""Who may use customer managed keys: what lies encrypted is reached by those alone who may use its key.

A service asks KMS in the name of whoever calls it. So a role needs the key's permission beside the service's, by its
own policies where the key's policy leaves that to the account, and an AWS service that calls in its own name needs a
statement of the key's policy. Which actions a service asks for is in the KMS chapter of its own guide: SQS "Key
management", DynamoDB "Encryption at rest", S3 "Using server-side encryption with AWS KMS keys", SNS "Key management",
Kinesis "Permissions to use KMS keys", Secrets Manager "Secret encryption and decryption", Systems Manager "AWS KMS
encryption for Parameter Store SecureString parameters", CloudWatch Logs "Encrypt log data".
"""

import contextvars
import json
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError
from ministack.core.responses import request_scope
from ministack.services import cloudwatch_logs, kinesis

from eda_sandbox.foundation import iam
from eda_sandbox.foundation.cloud import ROOT_KEY, Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.frontdoor import authorization
from eda_sandbox.frontdoor.asked import Asked
from eda_sandbox.frontdoor.emulator import Emulator
from eda_sandbox.frontdoor.permissions import parameter_name

DECRYPT, ENCRYPT = "kms:Decrypt", "kms:GenerateDataKey"
_BOTH = (DECRYPT, ENCRYPT)
_ITEMS = (
    "BatchGetItem",
    "BatchWriteItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "TransactGetItems",
    "TransactWriteItems",
    "UpdateItem",
)
_ASKED: Mapping[str, Mapping[str, Sequence[str]]] = {
    "dynamodb": dict.fromkeys(_ITEMS, (DECRYPT,)),
    "kinesis": {"GetRecords": (DECRYPT,), "PutRecord": (ENCRYPT,), "PutRecords": (ENCRYPT,)},
    "s3": {
        "CopyObject": (ENCRYPT,),
        "CreateMultipartUpload": _BOTH,
        "PutObject": (ENCRYPT,),
        "UploadPart": (DECRYPT,),
    },
    "secretsmanager": {"GetSecretValue": (DECRYPT,), "PutSecretValue": _BOTH},
    "sns": {"Publish": _BOTH, "PublishBatch": _BOTH},
    "sqs": {"ReceiveMessage": (DECRYPT,), "SendMessage": _BOTH, "SendMessageBatch": _BOTH},
    "ssm": {"GetParameter": (DECRYPT,), "GetParameters": (DECRYPT,)},
}
"""By boto3's name of the service and the operation. What S3 gives says itself which key it needs."""
_CHANGES: Mapping[str, Collection[str]] = {
    "dynamodb": ("CreateTable", "DeleteTable", "RestoreTableFromBackup", "RestoreTableToPointInTime", "UpdateTable"),
    "kinesis": ("CreateStream", "DeleteStream", "StartStreamEncryption", "StopStreamEncryption"),
    "s3": ("CreateBucket", "DeleteBucket", "DeleteBucketEncryption", "PutBucketEncryption"),
    "secretsmanager": ("CreateSecret", "DeleteSecret", "RestoreSecret", "UpdateSecret"),
    "sns": ("CreateTopic", "DeleteTopic", "SetTopicAttributes"),
    "sqs": ("CreateQueue", "DeleteQueue", "SetQueueAttributes"),
    "ssm": ("DeleteParameter", "DeleteParameters", "PutParameter"),
}
"""What may change with which key something is encrypted. Messages, items and objects come and go all the time."""
_OWN_NAME = ("sns", "sqs")
"""Where AWS services that call in their own name are looked up in the key's policy. QuickSight, which reads secrets,
has a role of the account's for it on AWS."""
_READS = ("BatchGet", "Describe", "Get", "Head", "List", "Query", "Receive", "Scan")
_OBJECT_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
_MANAGED = "alias/aws/"
LOG_GROUP_KEYS = frozenset({"AssociateKmsKey", "DisassociateKmsKey"})


class KeyAccess:
    """Checks the use of keys.

    Args:
        cloud: the embedded AWS.
        emulator: where keys, and what they encrypt, are.
    """

    def __init__(self, cloud: Cloud, emulator: Emulator) -> None:
        self._cloud = cloud
        self._emulator = emulator
        self._lock = threading.Lock()
        self._keys: dict[tuple[str, str], str | None] = {}
        self._policies: dict[str, str | None] = {}

    def check(self, service: str, operation: str, request: HttpRequest) -> None:
        """Check a request before it is served.

        Args:
            service: boto3's name.
            operation: as the API model spells it.
            request: the request as it came.

        Raises:
            AwsError: the caller, or the log service, may not use the key; in the service's own words.
        """
        self._forget(service, operation)
        if (service, operation) == ("logs", "CreateLogGroup"):
            self._check_log_group(request.parameters())
        actions = _ASKED.get(service, {}).get(operation)
        if actions is None or authorization.access_key(request) == ROOT_KEY:
            return
        for resource in self._resources(service, operation, request):
            self._check(service, request, actions, self.key_of(service, resource))

    def change_log_group(self, operation: str, request: HttpRequest) -> HttpResponse:
        """Answer a request that gives a log group a key or takes it away, which the emulator does not know.

        Args:
            operation: one of ``LOG_GROUP_KEYS``.
            request: the request as it came.

        Raises:
            AwsError: the caller may not, the key is not for this group, or there is no such group.
        """
        parameters, region = request.parameters(), self._cloud.region
        name = str(parameters.get("logGroupName", ""))
        arn = self._cloud.arn("logs", f"log-group:{name}")
        authorization.check(request, "logs", [Asked(f"logs:{operation}", arn)], region)
        with request_scope(self._cloud.account, region):
            group = cloudwatch_logs._log_groups.get(name)
        if group is None:
            raise AwsError("ResourceNotFoundException", "The specified log group does not exist.", 400)
        self._check_log_group(parameters)
        group["kmsKeyId"] = parameters.get("kmsKeyId")
        return HttpResponse(200, [("content-type", "application/x-amz-json-1.1")], b"{}")

    def check_stream(self, stream_arn: str, request: HttpRequest) -> None:
        """Check a request for the changes of a table.

        Raises:
            AwsError: the caller may not decrypt them.
        """
        table = stream_arn.partition("/")[2].partition("/")[0]
        self._check("dynamodb", request, (DECRYPT,), self.key_of("dynamodb", table))

    def check_object(self, operation: str, request: HttpRequest, response: HttpResponse) -> None:
        """Check an answer of S3 that holds an object, by the key that it names.

        Raises:
            AwsError: the caller may not decrypt it.
        """
        key = response.header(_OBJECT_KEY) if operation == "GetObject" and response.status < 300 else None
        if key:
            self._check("s3", request, (DECRYPT,), self._customer_managed(key))

    def key_of(self, service: str, resource: str) -> str | None:
        """The customer managed key that something is encrypted with.

        Args:
            service: boto3's name of its service.
            resource: its name there, a queue's URL, a topic's or a secret's ARN.
        """
        with self._lock:
            if (service, resource) in self._keys:
                return self._keys[service, resource]
        try:
            found = self._customer_managed(_KEYS[service](self._emulator.client(service), resource))
        except ClientError:
            # What is not there has no key: the emulator says so itself.
            return None
        with self._lock:
            self._keys[service, resource] = found
        return found

    def why_not_decrypt(self, key_id: str, via: str, role_arn: str, principal: str) -> str | None:
        """Why a service that works with a role may not decrypt in its name; None when it may.

        Args:
            key_id: the key.
            via: the service as ``kms:ViaService`` names it, for example ``lambda``.
            role_arn: the role.
            principal: the service that assumes it.
        """
        key = self._customer_managed(key_id)
        if key is None:
            return None
        access_key = self._cloud.credentials(role_arn, principal).access_key
        # The evaluator keeps what it is told of a request in the context.
        return contextvars.copy_context().run(self._refusal, str(access_key), DECRYPT, key, via)

    def _check(self, service: str, request: HttpRequest, actions: Sequence[str], key: str | None) -> None:
        if key is None:
            return
        access_key = authorization.access_key(request)
        for action in actions:
            message = self._refusal(access_key, action, key, self._cloud.signing_name(service), service in _OWN_NAME)
            if message is not None:
                raise _ERRORS[service](message)

    def _refusal(self, access_key: str, action: str, key: str, via: str, own_name: bool = True) -> str | None:
        region = self._cloud.region
        keys = {"kms:viaservice": f"{via}.{region}.amazonaws.com", "kms:calleraccount": self._cloud.account}
        caller = self._cloud.principal_of(access_key)
        policy = self._policy(key)
        if caller is None:
            refused = iam.refused(access_key, self._cloud.account, action, key, region, keys, policy)
        elif not own_name:
            return None
        else:
            principal, source_arn = caller
            keys["aws:sourceaccount"] = self._cloud.account
            if source_arn is not None:
                keys["aws:sourcearn"] = source_arn
            document = json.loads(policy or "{}")
            allowed = iam.resource_policy_allows(document, principal, action, key, region, keys)
            refused = None if allowed else (principal, "resource")
        if refused is None:
            return None
        return (
            f"User: {refused[0]} is not authorized to perform: {action} on resource: {key} because no "
            f"{refused[1]}-based policy allows the {action} action"
        )

    def _check_log_group(self, parameters: Mapping[str, Any]) -> None:
        given, group = parameters.get("kmsKeyId"), parameters.get("logGroupName")
        if not given or not group:
            return
        key, arn, region = (
            self._customer_managed(given),
            self._cloud.arn("logs", f"log-group:{group}"),
            self._cloud.region,
        )
        document = json.loads((self._policy(key) if key else None) or "{}")
        context = {"kms:encryptioncontext:aws:logs:arn": arn}
        principal = f"logs.{region}.amazonaws.com"
        for action in ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:DescribeKey"):
            if not iam.resource_policy_allows(document, principal, action, key or given, region, context):
                text = f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'"
                raise AwsError("AccessDeniedException", text, 400)

    def _resources(self, service: str, operation: str, request: HttpRequest) -> Iterable[str]:
        if service == "s3":
            # A path-style address, as all of the sandbox's.
            return [request.path.lstrip("/").partition("/")[0]]
        given = request.parameters()
        match service:
            case "sqs":
                return [str(given.get("QueueUrl", ""))]
            case "sns":
                return [str(given.get("TopicArn") or given.get("TargetArn") or "")]
            case "secretsmanager":
                return [str(given.get("SecretId", ""))]
            case "kinesis":
                return [self._stream(given)]
            case "ssm":
                names = given.get("Names", [given.get("Name", "")]) if given.get("WithDecryption") else []
                return [parameter_name(name) for name in names]
            case _:
                return _tables(operation, given)

    def _stream(self, given: Mapping[str, Any]) -> str:
        if "ShardIterator" in given:
            with request_scope(self._cloud.account, self._cloud.region):
                return str((kinesis._shard_iterators.get(given["ShardIterator"]) or {}).get("stream", ""))
        return str(given.get("StreamName") or given.get("StreamARN", "").rpartition("/")[2])

    def _customer_managed(self, key_id: str | None) -> str | None:
        """The key's ARN; None for a key that is AWS's own."""
        if not key_id or _MANAGED in key_id:
            return None
        try:
            found = self._emulator.client("kms").describe_key(KeyId=key_id)["KeyMetadata"]
        except ClientError:
            return key_id
        return str(found["Arn"]) if found.get("KeyManager", "CUSTOMER") == "CUSTOMER" else None

    def _policy(self, key: str) -> str | None:
        with self._lock:
            if key in self._policies:
                return self._policies[key]
        try:
            found = str(self._emulator.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"])
        except ClientError:
            return None
        with self._lock:
            self._policies[key] = found
        return found

    def _forget(self, service: str, operation: str) -> None:
        """A change of something may change its key, a change of a key its policy."""
        if service == "kms" and not operation.startswith(_READS):
            with self._lock:
                self._policies.clear()
                self._keys.clear()
        elif operation in _CHANGES.get(service, ()):
            with self._lock:
                for known in [known for known in self._keys if known[0] == service]:
                    del self._keys[known]


def _tables(operation: str, given: Mapping[str, Any]) -> list[str]:
    if operation.startswith("Batch"):
        names = list(given.get("RequestItems", {}))
    elif operation.startswith("Transact"):
        names = [part.get("TableName", "") for item in given.get("TransactItems", []) for part in item.values()]
    else:
        names = [given.get("TableName", "")]
    return sorted({str(name).rpartition("/")[2] for name in names})


def _bucket_key(s3: Any, bucket: str) -> str | None:
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    return next((rule["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID") for rule in rules), None)


def _stream_key(client: Any, name: str) -> str | None:
    found = client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    return found.get("KeyId") if found.get("EncryptionType") == "KMS" else None


def _parameter_key(client: Any, name: str) -> str | None:
    filters = [{"Key": "Name", "Values": [name, f"/{name}"]}]
    return next(
        (found.get("KeyId") for found in client.describe_parameters(ParameterFilters=filters)["Parameters"]), None
    )


_KEYS: Mapping[str, Callable[[Any, str], str | None]] = {
    "dynamodb": lambda client, name: (
        client.describe_table(TableName=name)["Table"].get("SSEDescription", {}).get("KMSMasterKeyArn")
    ),
    "kinesis": _stream_key,
    "s3": _bucket_key,
    "secretsmanager": lambda client, name: client.describe_secret(SecretId=name).get("KmsKeyId"),
    "sns": lambda client, arn: client.get_topic_attributes(TopicArn=arn)["Attributes"].get("KmsMasterKeyId"),
    "ssm": lambda client, name: _parameter_key(client, name),
    "sqs": lambda client, url: (
        client.get_queue_attributes(QueueUrl=url, AttributeNames=["KmsMasterKeyId"])
        .get("Attributes", {})
        .get("KmsMasterKeyId")
    ),
}
"""The key with which something is encrypted."""
_NO_CIPHERTEXT = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not "
    "allowed to access."
)
_ERRORS: Mapping[str, Callable[[str], AwsError]] = {
    # As aws/aws-cdk#10010 has it.
    "dynamodb": lambda message: AwsError(
        "AccessDeniedException",
        f"KMS key access denied error: com.amazonaws.services.kms.model.AWSKMSException: {message} (Service: AWSKMS; "
        "Status Code: 400; Error Code: AccessDeniedException; Proxy: null)",
        400,
    ),
    "kinesis": lambda message: AwsError("KMSAccessDeniedException", message, 400),
    "s3": lambda message: AwsError("AccessDenied", message, 403),
    "secretsmanager": lambda _: AwsError("AccessDeniedException", "Access to KMS is not allowed", 400),
    "sns": lambda message: AwsError("KMSAccessDenied", message, 400),
    "sqs": lambda message: AwsError("KMS.AccessDeniedException", message, 400),
    "ssm": lambda _: AwsError("AccessDeniedException", _NO_CIPHERTEXT, 400),
}
"""How each service says that KMS refused."""
