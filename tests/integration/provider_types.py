"""A life of each type that the provider knows: what makes it, what changes it in place and what replaces it, and what
somebody changes by hand.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from eda_sandbox.embedded import Sandbox
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import rpc

from tests.integration.provider_client import Engine, Made

Properties = dict[str, Any]
It = dict[str, Any]
"""A resource's state, with its id."""

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {
                "Service": [
                    f"{service}.amazonaws.com"
                    for service in (
                        "apigateway",
                        "events",
                        "firehose",
                        "glue",
                        "lambda",
                        "pipes",
                        "redshift-serverless",
                        "scheduler",
                        "states",
                    )
                ]
            },
        }
    ],
}
ANYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
MACHINE = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
DOCUMENT = {
    "openapi": "3.0.1",
    "info": {"title": "life", "version": "1"},
    "paths": {
        "/things": {
            "get": {
                "responses": {"200": {"description": "what there is"}},
                "x-amazon-apigateway-integration": {
                    "type": "mock",
                    "requestTemplates": {"application/json": '{"statusCode": 200}'},
                    "responses": {"default": {"statusCode": "200"}},
                },
            }
        }
    },
}
KEYS = {"hashKey": "id", "attributes": [{"name": "id", "type": "S"}], "billingMode": "PAY_PER_REQUEST"}
STREAM = {"streamEnabled": True, "streamViewType": "NEW_AND_OLD_IMAGES"}


def statement(principal: Any, action: str, resource: str, sid: str = "One") -> str:
    """A policy of one statement."""
    one = {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [one]})


def code(answer: str) -> Properties:
    """An archive with a handler."""
    asset = {
        rpc._special_sig_key: rpc._special_asset_sig,
        "text": f"def handle(event, context):\n    return {answer!r}\n",
    }
    return {rpc._special_sig_key: rpc._special_archive_sig, "assets": {"handler.py": asset}, "hash": answer}


class Ground:
    """What the resources lie beside; each is made when somebody asks for it.

    Args:
        engine: makes it.
        aws: where.
    """

    def __init__(self, engine: Engine, aws: Sandbox) -> None:
        self.engine, self.aws = engine, aws
        self._made: dict[tuple[str, str], It] = {}

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return self.aws.client(service)

    def made(self, type: str, logical: str, /, **inputs: Any) -> It:
        """A resource of that logical name."""
        if (type, logical) not in self._made:
            values = Struct()
            values.update(inputs)
            urn = f"urn:pulumi:ground::types::{type}::{logical}"
            self._made[type, logical] = self.engine.create(type, urn, logical, values).told()
        return self._made[type, logical]

    def bucket(self, name: str) -> str:
        """A bucket's name."""
        return str(self.made("aws:s3/bucket:Bucket", name, bucket=f"ground-{name}", forceDestroy=True)["id"])

    def queue(self, name: str = "ground") -> It:
        """A queue."""
        return self.made("aws:sqs/queue:Queue", name, name=f"ground-{name}")

    def topic(self, name: str = "ground") -> str:
        """A topic's ARN."""
        return str(self.made("aws:sns/topic:Topic", name, name=f"ground-{name}")["arn"])

    @cached_property
    def role(self) -> str:
        """The ARN of a role that may do anything."""
        role = self.made("aws:iam/role:Role", "ground", name="ground", assumeRolePolicy=json.dumps(TRUST))
        self.made("aws:iam/rolePolicy:RolePolicy", "ground", name="all", role="ground", policy=json.dumps(ANYTHING))
        return str(role["arn"])

    def function(self, name: str = "ground") -> It:
        """A function."""
        return self.made("aws:lambda/function:Function", name, name=f"ground-{name}", **self.handler)

    @property
    def handler(self) -> Properties:
        """What a function needs."""
        return {"role": self.role, "runtime": "python3.13", "handler": "handler.handle", "code": code("first")}

    def table(self, name: str = "ground") -> It:
        """A table with a stream."""
        return self.made("aws:dynamodb/table:Table", name, name=f"ground-{name}", **KEYS, **STREAM)

    def rule(self, name: str) -> str:
        """A rule's name."""
        pattern = json.dumps({"source": ["ground"]})
        made = self.made("aws:cloudwatch/eventRule:EventRule", name, name=f"ground-{name}", eventPattern=pattern)
        return str(made["name"])

    def api(self, name: str = "ground") -> str:
        """The id of an API with a route."""
        made = self.made(
            "aws:apigateway/restApi:RestApi", name, name="life", body=json.dumps(DOCUMENT), description="of the ground"
        )
        return str(made["id"])

    def deployment(self, name: str = "ground") -> str:
        """The id of a deployment of the API."""
        return str(self.made("aws:apigateway/deployment:Deployment", name, restApi=self.api())["id"])

    def stage(self, name: str) -> str:
        """The name of a stage of the API."""
        deployment = self.deployment()
        made = self.made("aws:apigateway/stage:Stage", name, restApi=self.api(), stageName=name, deployment=deployment)
        return str(made["stageName"])

    def domain(self) -> str:
        """A domain of the API's."""
        return str(self.made("aws:apigateway/domainName:DomainName", "ground", **domain("ground.example.com"))["id"])

    def database(self) -> str:
        """A database of the catalog."""
        return str(self.made("aws:glue/catalogDatabase:CatalogDatabase", "ground", name="ground")["name"])

    def workgroup(self, name: str = "ground") -> It:
        """A warehouse."""
        self.made("aws:redshiftserverless/namespace:Namespace", name, namespaceName=f"{name}-warehouse")
        return self.made(
            "aws:redshiftserverless/workgroup:Workgroup",
            name,
            workgroupName=f"{name}-warehouse",
            namespaceName=f"{name}-warehouse",
            baseCapacity=8,
        )

    def secret(self, value: str) -> str:
        """The ARN of a secret with a value."""
        arn = self.made("aws:secretsmanager/secret:Secret", "ground", name="ground", recoveryWindowInDays=0)["arn"]
        self.made("aws:secretsmanager/secretVersion:SecretVersion", "ground", secretId=arn, secretString=value)
        return str(arn)

    def source(self) -> It:
        """A data source over a table of the warehouse."""
        return self.made("aws:quicksight/dataSource:DataSource", "ground", **data_source(self, "ground"))

    def set_tag(self, service: str, **named: Any) -> None:
        """Tag a resource by hand, where the call is TagResource and takes a map."""
        self.client(service).tag_resource(**named, tags={"by": "hand"})

    def tag_arn(self, service: str, arn: str) -> None:
        """Tag a resource by hand, where TagResource takes an ARN and a list."""
        self.client(service).tag_resource(ResourceArn=arn, Tags=[{"Key": "by", "Value": "hand"}])


def domain(name: str) -> Properties:
    certificate = "arn:aws:acm:eu-central-1:000000000000:certificate/0f5b6c7d-0000-4000-8000-000000000000"
    return {
        "domainName": name,
        "regionalCertificateArn": certificate,
        "endpointConfiguration": {"types": "REGIONAL"},
        "securityPolicy": "TLS_1_2",
    }


def data_source(ground: Ground, name: str) -> Properties:
    warehouse, password = ground.workgroup(), "Reader12345"
    ground.made(
        "aws:redshiftdata/statement:Statement",
        "reader",
        workgroupName=warehouse["workgroupName"],
        database="dev",
        sql=f"CREATE USER reader PASSWORD '{password}'",
    )
    secret = ground.secret(json.dumps({"username": "reader", "password": password}))
    redshift = {"host": warehouse["endpoints"][0]["address"], "port": 5439, "database": "dev"}
    connection = "arn:aws:quicksight:eu-central-1:000000000000:vpcConnection/ground"
    return {
        "dataSourceId": name,
        "name": name,
        "type": "REDSHIFT",
        "parameters": {"redshift": redshift},
        "credentials": {"secretArn": secret},
        "sslProperties": {"disableSsl": False},
        "vpcConnectionProperties": {"vpcConnectionArn": connection},
    }


def data_set(ground: Ground, name: str) -> Properties:
    columns = [{"name": "id", "type": "STRING"}]
    custom = {"dataSourceArn": ground.source()["arn"], "name": "q", "sqlQuery": "SELECT 1 AS id", "columns": columns}
    return {
        "dataSetId": name,
        "name": name,
        "importMode": "DIRECT_QUERY",
        "physicalTableMaps": [{"physicalTableMapId": "t", "customSql": custom}],
    }


Of = Callable[[Ground], Properties]
ByHand = Callable[[Ground, It], object]


@dataclass(frozen=True)
class Life:
    """What becomes of a resource.

    Args:
        inputs: what a program gives.
        replaced: a change that needs a new resource; None where the type has no other change.
        in_place: one that needs none; None where every change does.
        by_hand: what somebody does to it, None where nothing can be done.
        shown: the properties that a refresh then shows.
        replaces: whether putting that right needs a new resource.
        import_id: what it is imported by; default its id.
        unread: properties of the program's that AWS does not give back.
        filled: puts something into it before it is deleted.
    """

    inputs: Of
    replaced: Properties
    in_place: Of | None = None
    by_hand: ByHand | None = None
    shown: frozenset[str] = frozenset()
    replaces: bool = False
    import_id: Callable[[It], str] = field(default=lambda it: str(it["id"]))
    unread: frozenset[str] = frozenset()
    filled: ByHand | None = None


def given(**properties: Any) -> Of:
    """Properties that need nothing of the ground."""
    return lambda _: properties


def shows(*names: str) -> frozenset[str]:
    return frozenset(names)


def _key_policy(ground: Ground, sid: str) -> str:
    return statement({"AWS": f"arn:aws:iam::{ground.aws.cloud.account}:root"}, "kms:*", "*", sid)


def _queue_policy(ground: Ground, sid: str = "One") -> str:
    arn = ground.queue("policed")["arn"]
    return statement({"Service": "events.amazonaws.com"}, "sqs:SendMessage", arn, sid)


def _topic_policy(ground: Ground, sid: str = "One") -> str:
    arn = ground.topic("policed")
    return statement({"Service": "events.amazonaws.com"}, "sns:Publish", arn, sid)


def _bus_policy(ground: Ground, sid: str = "One") -> str:
    bus = ground.made("aws:cloudwatch/eventBus:EventBus", "policed", name="policed")["arn"]
    return statement({"AWS": f"arn:aws:iam::{ground.aws.cloud.account}:root"}, "events:PutEvents", bus, sid)


def _bucket_policy(ground: Ground, sid: str = "One") -> str:
    bucket = ground.bucket("policed")
    root = {"AWS": f"arn:aws:iam::{ground.aws.cloud.account}:root"}
    return statement(root, "s3:GetObject", f"arn:aws:s3:::{bucket}/*", sid)


def _log_lines(ground: Ground, it: It) -> None:
    logs = ground.client("logs")
    logs.create_log_stream(logGroupName=it["id"], logStreamName="s")


def _alarm_by_hand(ground: Ground, it: It) -> None:
    names = {"name": "AlarmName", "metricName": "MetricName", "comparisonOperator": "ComparisonOperator"}
    ground.client("cloudwatch").put_metric_alarm(
        **{api: it[name] for name, api in names.items()},
        Namespace=it["namespace"],
        Period=60,
        EvaluationPeriods=1,
        Statistic="Sum",
        Threshold=99,
        Dimensions=[{"Name": "QueueName", "Value": "life"}],
        AlarmDescription="by hand",
    )


ALARM = {
    "name": "life",
    "metricName": "NumberOfMessagesSent",
    "namespace": "AWS/SQS",
    "comparisonOperator": "GreaterThanThreshold",
    "period": 60,
    "evaluationPeriods": 1,
    "statistic": "Sum",
    "threshold": 1,
    "dimensions": {"QueueName": "life"},
}


def _schedule_by_hand(ground: Ground, it: It) -> None:
    scheduler = ground.client("scheduler")
    found = scheduler.get_schedule(Name="life", GroupName="default")
    kept = {name: found[name] for name in ("Name", "GroupName", "Target", "FlexibleTimeWindow")}
    scheduler.update_schedule(**kept, ScheduleExpression="rate(7 minutes)", State="DISABLED")


def _delivery_by_hand(ground: Ground, it: It) -> None:
    ground.client("firehose").update_destination(
        DeliveryStreamName="life",
        CurrentDeliveryStreamVersionId=it["versionId"],
        DestinationId=it["destinationId"],
        ExtendedS3DestinationUpdate={"BufferingHints": {"IntervalInSeconds": 77, "SizeInMBs": 7}},
    )


def _pipe_by_hand(ground: Ground, it: It) -> None:
    pipes = ground.client("pipes")
    pipes.update_pipe(
        Name="life",
        RoleArn=it["roleArn"],
        Description="by hand",
        SourceParameters={"DynamoDBStreamParameters": {"BatchSize": 3}},
    )


def _permission_by_hand(ground: Ground, it: It) -> None:
    client, name = ground.client("lambda"), it["function"]
    client.remove_permission(FunctionName=name, StatementId=it["id"])
    client.add_permission(
        FunctionName=name, StatementId=it["id"], Action="lambda:InvokeFunction", Principal="sns.amazonaws.com"
    )


def _stage_by_hand(ground: Ground, it: It) -> None:
    operations = [
        {"op": "replace", "path": "/variables/colour", "value": "red"},
        {"op": "replace", "path": "/tracingEnabled", "value": "true"},
    ]
    ground.client("apigateway").update_stage(restApiId=it["restApi"], stageName="life", patchOperations=operations)


def _settings_by_hand(ground: Ground, it: It) -> None:
    operations = [{"op": "replace", "path": "/*/*/throttling/burstLimit", "value": "77"}]
    ground.client("apigateway").update_stage(
        restApiId=it["restApi"], stageName=it["stageName"], patchOperations=operations
    )


def _table_input(it: It, **more: Any) -> dict[str, Any]:
    columns = [{"Name": "id", "Type": "string"}]
    return {"Name": it["name"], "StorageDescriptor": {"Columns": columns, "Location": "s3://ground/"}, **more}


def _mapping_by_hand(ground: Ground, it: It) -> None:
    ground.client("lambda").update_event_source_mapping(UUID=it["id"], BatchSize=3, Enabled=False)


def _mapping(ground: Ground) -> Properties:
    return {"functionName": ground.function("mapped")["name"], "eventSourceArn": ground.queue("mapped")["arn"]}


def _machine(comment: str) -> str:
    return json.dumps({**MACHINE, "Comment": comment})


def _table_by_hand(ground: Ground, it: It) -> None:
    dynamodb = ground.client("dynamodb")
    dynamodb.update_time_to_live(
        TableName="life", TimeToLiveSpecification={"Enabled": True, "AttributeName": "ends_at"}
    )
    dynamodb.update_table(TableName="life", DeletionProtectionEnabled=True)


def _object(ground: Ground) -> Properties:
    return {"bucket": ground.bucket("objects"), "key": "life.txt", "content": "first", "tags": {"a": "1"}}


def _object_life(key: str) -> Life:
    return Life(
        lambda ground: {**_object(ground), "key": key},
        {"key": "other.txt"},
        given(content="second"),
        lambda ground, it: ground.client("s3").put_object(
            Bucket=it["bucket"], Key=key, Body=b"by hand", ContentType="text/plain", Tagging="a=1"
        ),
        shows("etag"),
        import_id=lambda it: f"{it['bucket']}/{key}",
        unread=shows("content"),
    )


def _vpc(ground: Ground) -> Properties:
    return {
        "workgroupName": "life",
        "namespaceName": ground.made("aws:redshiftserverless/namespace:Namespace", "grouped", namespaceName="grouped")[
            "id"
        ],
        "baseCapacity": 8,
    }


def _rule_life(ground: Ground) -> Properties:
    return {
        "ruleName": "life",
        "priority": 10,
        "fixedRate": 0.1,
        "reservoirSize": 1,
        "version": 1,
        "serviceName": "*",
        "serviceType": "*",
        "host": "*",
        "httpMethod": "*",
        "urlPath": "*",
        "resourceArn": "*",
    }


LIVES: Mapping[str, Life] = {
    "aws:lambda/function:Function": Life(
        lambda ground: {"name": "life", **ground.handler, "tags": {"team": "one"}},
        {"name": "other"},
        given(memorySize=256, environment={"variables": {"KIND": "1"}}),
        lambda ground, it: ground.client("lambda").update_function_configuration(
            FunctionName="life", Timeout=77, Environment={"Variables": {"BY": "hand"}}, Layers=[]
        ),
        shows("timeout", "environment"),
        unread=shows("code"),
    ),
    "aws:lambda/layerVersion:LayerVersion": Life(
        given(layerName="life", code=code("layer"), compatibleRuntimes=["python3.13"]),
        {"description": "other"},
        unread=shows("code"),
    ),
    "aws:lambda/permission:Permission": Life(
        lambda ground: {
            "function": ground.function("allowed")["name"],
            "action": "lambda:InvokeFunction",
            "principal": "events.amazonaws.com",
            "sourceArn": "arn:aws:events:eu-central-1:000000000000:rule/ground",
            "statementId": "life",
        },
        {"action": "lambda:GetFunction"},
        None,
        _permission_by_hand,
        shows("principal", "sourceArn"),
        replaces=True,
        import_id=lambda it: f"{it['function']}/{it['id']}",
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": Life(
        lambda ground: {"functionName": ground.function("invoked")["name"], "maximumEventAgeInSeconds": 600},
        {"functionName": "other"},
        given(maximumRetryAttempts=1),
        lambda ground, it: ground.client("lambda").put_function_event_invoke_config(
            FunctionName=it["functionName"], MaximumRetryAttempts=0, MaximumEventAgeInSeconds=600
        ),
        shows("maximumRetryAttempts"),
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": Life(
        lambda ground: {**_mapping(ground), "functionName": ground.function("mapped")["arn"]},
        {"eventSourceArn": "arn:aws:sqs:eu-central-1:000000000000:other"},
        given(maximumBatchingWindowInSeconds=5, functionResponseTypes=["ReportBatchItemFailures"]),
        _mapping_by_hand,
        shows("batchSize", "enabled"),
    ),
    "aws:lambda/invocation:Invocation": Life(
        lambda ground: {"functionName": ground.function("asked")["name"], "input": "{}"},
        {"input": "[]"},
    ),
    "aws:sqs/queue:Queue": Life(
        given(name="life", tags={"team": "one"}, messageRetentionSeconds=600),
        {"name": "other"},
        lambda ground: {
            "visibilityTimeoutSeconds": 77,
            "redrivePolicy": json.dumps({"deadLetterTargetArn": ground.queue("dead")["arn"], "maxReceiveCount": 3}),
        },
        lambda ground, it: ground.client("sqs").set_queue_attributes(
            QueueUrl=it["id"], Attributes={"VisibilityTimeout": "99", "DelaySeconds": "7"}
        ),
        shows("visibilityTimeoutSeconds", "delaySeconds"),
        filled=lambda ground, it: ground.client("sqs").send_message(QueueUrl=it["id"], MessageBody="left"),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Life(
        lambda ground: {"queueUrl": ground.queue("policed")["id"], "policy": _queue_policy(ground)},
        {"queueUrl": "http://127.0.0.1/000000000000/other"},
        lambda ground: {"policy": _queue_policy(ground, "Two")},
        lambda ground, it: ground.client("sqs").set_queue_attributes(
            QueueUrl=it["id"], Attributes={"Policy": _queue_policy(ground, "ByHand")}
        ),
        shows("policy"),
    ),
    "aws:dynamodb/table:Table": Life(
        given(name="life", tags={"team": "one"}, **KEYS),
        {"hashKey": "other"},
        given(pointInTimeRecovery={"enabled": True}, **STREAM),
        _table_by_hand,
        shows("ttl", "deletionProtectionEnabled"),
        filled=lambda ground, it: ground.client("dynamodb").put_item(TableName="life", Item={"id": {"S": "left"}}),
    ),
    "aws:dynamodb/kinesisStreamingDestination:KinesisStreamingDestination": Life(
        lambda ground: {
            "tableName": ground.table("streamed")["name"],
            "streamArn": ground.made("aws:kinesis/stream:Stream", "ground", name="ground", shardCount=1)["arn"],
        },
        {"tableName": "other"},
    ),
    "aws:s3/bucket:Bucket": Life(
        given(bucket="life-bucket", tags={"team": "one"}, forceDestroy=True),
        {"bucket": "other"},
        given(tags={"team": "two"}),
        lambda ground, it: ground.client("s3").put_bucket_tagging(
            Bucket=it["id"], Tagging={"TagSet": [{"Key": "by", "Value": "hand"}]}
        ),
        shows("tags"),
        unread=shows("forceDestroy"),
        filled=lambda ground, it: ground.client("s3").put_object(Bucket=it["id"], Key="left", Body=b""),
    ),
    "aws:s3/bucketVersioning:BucketVersioning": Life(
        lambda ground: {"bucket": ground.bucket("versioned"), "versioningConfiguration": {"status": "Enabled"}},
        {"bucket": "other"},
        given(versioningConfiguration={"status": "Suspended"}),
        lambda ground, it: ground.client("s3").put_bucket_versioning(
            Bucket=it["id"], VersioningConfiguration={"Status": "Enabled"}
        ),
        shows("versioningConfiguration"),
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Life(
        lambda ground: {
            "bucket": ground.bucket("encrypted"),
            "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}, "bucketKeyEnabled": True}],
        },
        {"bucket": "other"},
        given(rules=[{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]),
        lambda ground, it: ground.client("s3").delete_bucket_encryption(Bucket=it["id"]),
        shows("rules"),
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Life(
        lambda ground: {"bucket": ground.bucket("private"), "blockPublicAcls": True, "blockPublicPolicy": True},
        {"bucket": "other"},
        given(restrictPublicBuckets=True),
        lambda ground, it: ground.client("s3").put_public_access_block(
            Bucket=it["id"], PublicAccessBlockConfiguration={"IgnorePublicAcls": True}
        ),
        shows("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"),
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Life(
        lambda ground: {
            "bucket": ground.bucket("lived"),
            "rules": [{"id": "one", "status": "Enabled", "expiration": {"days": 7}, "filter": {"prefix": "a/"}}],
        },
        {"bucket": "other"},
        given(
            rules=[
                {"id": "two", "status": "Enabled", "noncurrentVersionExpiration": {"noncurrentDays": 3}},
                {"id": "one", "status": "Enabled", "abortIncompleteMultipartUpload": {"daysAfterInitiation": 1}},
            ]
        ),
        lambda ground, it: ground.client("s3").put_bucket_lifecycle_configuration(
            Bucket=it["id"],
            LifecycleConfiguration={
                "Rules": [{"ID": "h", "Status": "Enabled", "Expiration": {"Days": 1}, "Filter": {"Prefix": ""}}]
            },
        ),
        shows("rules"),
    ),
    "aws:s3/bucketPolicy:BucketPolicy": Life(
        lambda ground: {"bucket": ground.bucket("policed"), "policy": _bucket_policy(ground)},
        {"bucket": "other"},
        lambda ground: {"policy": _bucket_policy(ground, "Two")},
        lambda ground, it: ground.client("s3").put_bucket_policy(
            Bucket=it["id"], Policy=_bucket_policy(ground, "ByHand")
        ),
        shows("policy"),
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Life(
        lambda ground: {"bucket": ground.bucket("owned"), "rule": {"objectOwnership": "BucketOwnerPreferred"}},
        {"bucket": "other"},
        given(rule={"objectOwnership": "BucketOwnerEnforced"}),
        lambda ground, it: ground.client("s3").put_bucket_ownership_controls(
            Bucket=it["id"], OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        ),
        shows("rule"),
    ),
    "aws:s3/bucketNotification:BucketNotification": Life(
        lambda ground: {"bucket": ground.bucket("notified"), "eventbridge": True},
        {"bucket": "other"},
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": _object_life("life.txt"),
    "aws:s3/bucketObject:BucketObject": _object_life("older.txt"),
    "aws:iam/role:Role": Life(
        given(name="life", assumeRolePolicy=json.dumps(TRUST), tags={"team": "one"}),
        {"path": "/other/"},
        given(description="second", maxSessionDuration=7200),
        lambda ground, it: ground.client("iam").update_role(
            RoleName="life", Description="by hand", MaxSessionDuration=3600
        ),
        shows("description", "maxSessionDuration"),
        filled=lambda ground, it: ground.client("iam").put_role_policy(
            RoleName="life", PolicyName="left", PolicyDocument=json.dumps(ANYTHING)
        ),
    ),
    "aws:iam/rolePolicy:RolePolicy": Life(
        lambda ground: {"role": ground.role.rpartition("/")[2], "name": "life", "policy": json.dumps(ANYTHING)},
        {"role": "other"},
        given(policy=json.dumps({**ANYTHING, "Id": "second"})),
        lambda ground, it: ground.client("iam").put_role_policy(
            RoleName=it["role"], PolicyName="life", PolicyDocument=json.dumps({**ANYTHING, "Id": "hand"})
        ),
        shows("policy"),
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Life(
        lambda ground: {
            "role": ground.role.rpartition("/")[2],
            "policyArn": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
        },
        {"role": "other"},
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Life(
        lambda ground: {**ALARM, "alarmActions": [ground.topic()]},
        {"name": "other"},
        given(threshold=7, treatMissingData="notBreaching"),
        _alarm_by_hand,
        shows("threshold", "alarmDescription", "alarmActions", "treatMissingData"),
    ),
    "aws:cloudwatch/dashboard:Dashboard": Life(
        given(dashboardName="life", dashboardBody=json.dumps({"widgets": []})),
        {"dashboardName": "other"},
        given(dashboardBody=json.dumps({"widgets": [], "start": "-PT3H"})),
        lambda ground, it: ground.client("cloudwatch").put_dashboard(
            DashboardName="life", DashboardBody=json.dumps({"widgets": [], "start": "-PT1H"})
        ),
        shows("dashboardBody"),
    ),
    "aws:cloudwatch/logGroup:LogGroup": Life(
        given(name="life", tags={"team": "one"}),
        {"name": "other"},
        given(retentionInDays=7),
        lambda ground, it: ground.client("logs").put_retention_policy(logGroupName="life", retentionInDays=1),
        shows("retentionInDays"),
        filled=_log_lines,
    ),
    "aws:cloudwatch/logStream:LogStream": Life(
        lambda ground: {
            "logGroupName": ground.made("aws:cloudwatch/logGroup:LogGroup", "ground", name="ground")["name"],
            "name": "life",
        },
        {"name": "other"},
        import_id=lambda it: f"{it['logGroupName']}:{it['id']}",
    ),
    "aws:cloudwatch/queryDefinition:QueryDefinition": Life(
        given(name="life/query", queryString="fields @message", logGroupNames=["/aws/lambda/a"]),
        {},
        given(queryString="fields @timestamp"),
        lambda ground, it: ground.client("logs").put_query_definition(
            queryDefinitionId=it["id"], name="life/query", queryString="fields @log", logGroupNames=["/aws/lambda/b"]
        ),
        shows("queryString", "logGroupNames"),
        import_id=lambda it: f"arn:aws:logs:eu-central-1:000000000000:query-definition:{it['id']}",
    ),
    "aws:sfn/stateMachine:StateMachine": Life(
        lambda ground: {"name": "life", "roleArn": ground.role, "definition": json.dumps(MACHINE)},
        {"type": "EXPRESS"},
        given(definition=_machine("second"), tracingConfiguration={"enabled": True}),
        lambda ground, it: ground.client("stepfunctions").update_state_machine(
            stateMachineArn=it["id"], definition=_machine("by hand"), tracingConfiguration={"enabled": False}
        ),
        shows("definition", "tracingConfiguration"),
    ),
    "aws:cloudwatch/eventBus:EventBus": Life(
        given(name="life", tags={"team": "one"}),
        {"name": "other"},
        given(description="second"),
        lambda ground, it: ground.client("events").update_event_bus(Name="life", Description="by hand"),
        shows("description"),
    ),
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": Life(
        lambda ground: {"policy": _bus_policy(ground), "eventBusName": "policed"},
        {"eventBusName": "other"},
        lambda ground: {"policy": _bus_policy(ground, "Two")},
        lambda ground, it: ground.client("events").put_permission(
            EventBusName="policed", Policy=_bus_policy(ground, "ByHand")
        ),
        shows("policy"),
    ),
    "aws:cloudwatch/eventArchive:EventArchive": Life(
        lambda ground: {
            "name": "life",
            "eventSourceArn": ground.made("aws:cloudwatch/eventBus:EventBus", "kept", name="kept")["arn"],
            "retentionDays": 7,
        },
        {"name": "other"},
        given(description="second"),
        lambda ground, it: ground.client("events").update_archive(
            ArchiveName="life", Description="by hand", RetentionDays=1
        ),
        shows("description", "retentionDays"),
    ),
    "aws:cloudwatch/eventRule:EventRule": Life(
        given(name="life", eventPattern=json.dumps({"source": ["a"]}), tags={"team": "one"}),
        {"name": "other"},
        given(eventPattern=json.dumps({"source": ["b"]}), description="second"),
        lambda ground, it: ground.client("events").put_rule(
            Name="life", EventPattern=json.dumps({"source": ["hand"]}), State="DISABLED"
        ),
        shows("eventPattern", "state", "description"),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": Life(
        lambda ground: {"rule": ground.rule("aimed"), "arn": ground.queue()["arn"], "targetId": "life"},
        {"targetId": "other"},
        given(inputPath="$.detail"),
        lambda ground, it: ground.client("events").put_targets(
            Rule=it["rule"],
            Targets=[{"Id": "life", "Arn": it["arn"], "RetryPolicy": {"MaximumRetryAttempts": 3}}],
        ),
        shows("inputPath", "retryPolicy"),
        import_id=lambda it: f"{it['rule']}/life",
    ),
    "aws:scheduler/schedule:Schedule": Life(
        lambda ground: {
            "name": "life",
            "scheduleExpression": "rate(1 hour)",
            "flexibleTimeWindow": {"mode": "OFF"},
            "target": {"arn": ground.queue()["arn"], "roleArn": ground.role, "input": json.dumps({"a": 1})},
        },
        {"groupName": "other"},
        given(scheduleExpression="rate(2 hours)", description="second"),
        _schedule_by_hand,
        shows("scheduleExpression", "state", "description"),
    ),
    "aws:scheduler/scheduleGroup:ScheduleGroup": Life(
        given(name="life", tags={"team": "one"}),
        {"name": "other"},
        given(tags={"team": "two"}),
        lambda ground, it: ground.tag_arn("scheduler", it["arn"]),
        shows("tags"),
    ),
    "aws:sns/topic:Topic": Life(
        given(name="life", tags={"team": "one"}),
        {"name": "other"},
        given(displayName="second"),
        lambda ground, it: ground.client("sns").set_topic_attributes(
            TopicArn=it["id"], AttributeName="DisplayName", AttributeValue="by hand"
        ),
        shows("displayName"),
    ),
    "aws:sns/topicPolicy:TopicPolicy": Life(
        lambda ground: {"arn": ground.topic("policed"), "policy": _topic_policy(ground)},
        {"arn": "arn:aws:sns:eu-central-1:000000000000:other"},
        lambda ground: {"policy": _topic_policy(ground, "Two")},
        lambda ground, it: ground.client("sns").set_topic_attributes(
            TopicArn=it["id"], AttributeName="Policy", AttributeValue=_topic_policy(ground, "ByHand")
        ),
        shows("policy"),
    ),
    "aws:sns/topicSubscription:TopicSubscription": Life(
        lambda ground: {"topic": ground.topic(), "protocol": "sqs", "endpoint": ground.queue()["arn"]},
        {"protocol": "lambda"},
        given(rawMessageDelivery=True, filterPolicy=json.dumps({"kind": ["a"]})),
        lambda ground, it: ground.client("sns").set_subscription_attributes(
            SubscriptionArn=it["id"], AttributeName="RawMessageDelivery", AttributeValue="false"
        ),
        shows("rawMessageDelivery"),
    ),
    "aws:kms/key:Key": Life(
        given(description="first", enableKeyRotation=True, deletionWindowInDays=7, tags={"team": "one"}),
        {"keyUsage": "SIGN_VERIFY"},
        lambda ground: {"description": "second", "policy": _key_policy(ground, "Two")},
        lambda ground, it: (
            ground.client("kms").update_key_description(KeyId=it["id"], Description="by hand"),
            ground.client("kms").disable_key_rotation(KeyId=it["id"]),
            ground.client("kms").put_key_policy(
                KeyId=it["id"], PolicyName="default", Policy=_key_policy(ground, "ByHand")
            ),
        ),
        shows("description", "enableKeyRotation", "policy"),
        unread=shows("deletionWindowInDays", "policy"),
    ),
    "aws:secretsmanager/secret:Secret": Life(
        given(name="life", recoveryWindowInDays=0, tags={"team": "one"}),
        {"name": "other"},
        given(description="second"),
        lambda ground, it: ground.client("secretsmanager").update_secret(SecretId=it["id"], Description="by hand"),
        shows("description"),
        unread=shows("recoveryWindowInDays"),
        filled=lambda ground, it: ground.client("secretsmanager").put_secret_value(
            SecretId=it["id"], SecretString="left"
        ),
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": Life(
        lambda ground: {
            "secretId": ground.made(
                "aws:secretsmanager/secret:Secret", "versioned", name="versioned", recoveryWindowInDays=0
            )["arn"],
            "secretString": "first",
        },
        {"secretString": "other"},
    ),
    "aws:ssm/parameter:Parameter": Life(
        given(name="/life", type="String", value="first", tags={"team": "one"}),
        {"name": "/other"},
        given(value="second", description="second"),
        lambda ground, it: ground.client("ssm").put_parameter(
            Name="/life", Value="by hand", Type="String", Overwrite=True
        ),
        shows("value"),
    ),
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": Life(
        lambda ground: {
            "name": "life",
            "destination": "extended_s3",
            "extendedS3Configuration": {"bucketArn": f"arn:aws:s3:::{ground.bucket('put')}", "roleArn": ground.role},
        },
        {"name": "other"},
        lambda ground: {
            "extendedS3Configuration": {
                "bucketArn": f"arn:aws:s3:::{ground.bucket('put')}",
                "roleArn": ground.role,
                "prefix": "raw/",
                "bufferingInterval": 60,
            }
        },
        _delivery_by_hand,
        shows("extendedS3Configuration"),
        import_id=lambda it: str(it["arn"]),
    ),
    "aws:kinesis/stream:Stream": Life(
        given(name="life", shardCount=1, tags={"team": "one"}),
        {"name": "other"},
        given(retentionPeriod=48),
        lambda ground, it: ground.client("kinesis").increase_stream_retention_period(
            StreamName="life", RetentionPeriodHours=72
        ),
        shows("retentionPeriod"),
        import_id=lambda it: str(it["name"]),
        filled=lambda ground, it: ground.client("kinesis").put_record(
            StreamName="life", Data=b"left", PartitionKey="1"
        ),
    ),
    "aws:pipes/pipe:Pipe": Life(
        lambda ground: {
            "name": "life",
            "roleArn": ground.role,
            "source": ground.table("piped")["streamArn"],
            "sourceParameters": {"dynamodbStreamParameters": {"startingPosition": "LATEST"}},
            "target": ground.queue()["arn"],
            "desiredState": "STOPPED",
        },
        {"source": "arn:aws:dynamodb:eu-central-1:000000000000:table/other/stream/2026"},
        given(
            description="second",
            sourceParameters={"dynamodbStreamParameters": {"startingPosition": "LATEST", "batchSize": 5}},
        ),
        _pipe_by_hand,
        shows("description", "sourceParameters"),
    ),
    "aws:glue/catalogDatabase:CatalogDatabase": Life(
        given(name="life", tags={"team": "one"}),
        {"name": "other"},
        given(description="second"),
        lambda ground, it: ground.client("glue").update_database(
            Name="life", DatabaseInput={"Name": "life", "Description": "by hand"}
        ),
        shows("description"),
        filled=lambda ground, it: ground.client("glue").create_table(DatabaseName="life", TableInput={"Name": "left"}),
    ),
    "aws:glue/catalogTable:CatalogTable": Life(
        lambda ground: {
            "name": "life",
            "databaseName": ground.database(),
            "storageDescriptor": {"columns": [{"name": "id", "type": "string"}], "location": "s3://ground/"},
        },
        {"databaseName": "other"},
        given(description="second", parameters={"classification": "parquet"}),
        lambda ground, it: ground.client("glue").update_table(
            DatabaseName="ground", TableInput=_table_input(it, Description="by hand")
        ),
        shows("description", "parameters"),
    ),
    "aws:glue/job:Job": Life(
        lambda ground: {
            "name": "life",
            "roleArn": ground.role,
            "command": {"name": "pythonshell", "scriptLocation": "s3://ground/job.py", "pythonVersion": "3.9"},
            "maxCapacity": 0.0625,
            "glueVersion": "3.0",
            "tags": {"team": "one"},
        },
        {"name": "other"},
        given(timeout=7, defaultArguments={"--a": "1"}),
        lambda ground, it: ground.client("glue").update_job(
            JobName="life",
            JobUpdate={
                "Role": ground.role,
                "Command": {"Name": "pythonshell", "ScriptLocation": "s3://ground/job.py", "PythonVersion": "3.9"},
                "MaxCapacity": 0.0625,
                "GlueVersion": "3.0",
                "Timeout": 9,
                "MaxRetries": 1,
            },
        ),
        shows("timeout", "maxRetries", "defaultArguments"),
    ),
    "aws:glue/securityConfiguration:SecurityConfiguration": Life(
        given(
            name="life",
            encryptionConfiguration={
                "s3Encryption": {"s3EncryptionMode": "SSE-S3"},
                "cloudwatchEncryption": {"cloudwatchEncryptionMode": "DISABLED"},
                "jobBookmarksEncryption": {"jobBookmarksEncryptionMode": "DISABLED"},
            },
        ),
        {"name": "other"},
    ),
    "aws:athena/workgroup:Workgroup": Life(
        given(name="life", forceDestroy=True, tags={"team": "one"}),
        {"name": "other"},
        given(description="second", configuration={"bytesScannedCutoffPerQuery": 10485760}),
        lambda ground, it: ground.client("athena").update_work_group(
            WorkGroup="life", State="DISABLED", ConfigurationUpdates={"EnforceWorkGroupConfiguration": False}
        ),
        shows("state", "configuration"),
        unread=shows("forceDestroy"),
        filled=lambda ground, it: ground.client("athena").create_named_query(
            Name="left", Database="ground", QueryString="SELECT 1", WorkGroup="life"
        ),
    ),
    "aws:athena/namedQuery:NamedQuery": Life(
        lambda ground: {"name": "life", "database": ground.database(), "query": "SELECT 1"},
        {"query": "SELECT 2"},
    ),
    "aws:apigateway/restApi:RestApi": Life(
        given(name="life", body=json.dumps(DOCUMENT), tags={"team": "one"}),
        {"name": "other"},
        given(body=json.dumps({**DOCUMENT, "info": {"title": "life", "version": "2"}})),
        lambda ground, it: ground.set_tag("apigateway", resourceArn=it["arn"]),
        shows("tags"),
        unread=shows("body"),
    ),
    "aws:apigateway/deployment:Deployment": Life(
        lambda ground: {"restApi": ground.api("deployed"), "description": "first"},
        {"description": "other"},
        import_id=lambda it: f"{it['restApi']}/{it['id']}",
    ),
    "aws:apigateway/stage:Stage": Life(
        lambda ground: {
            "restApi": ground.api(),
            "stageName": "life",
            "deployment": ground.deployment(),
            "tags": {"team": "one"},
        },
        {"stageName": "other"},
        given(variables={"size": "7"}),
        _stage_by_hand,
        shows("variables", "xrayTracingEnabled"),
        import_id=lambda it: f"{it['restApi']}/life",
    ),
    "aws:apigateway/methodSettings:MethodSettings": Life(
        lambda ground: {
            "restApi": ground.api(),
            "stageName": ground.stage("settled"),
            "methodPath": "*/*",
            "settings": {"metricsEnabled": True},
        },
        {"methodPath": "things/GET"},
        given(settings={"throttlingBurstLimit": 7, "throttlingRateLimit": 7}),
        _settings_by_hand,
        shows("settings"),
        import_id=lambda it: f"{it['restApi']}/{it['stageName']}/*/*",
    ),
    "aws:apigateway/domainName:DomainName": Life(
        given(**domain("life.example.com"), tags={"team": "one"}),
        {"domainName": "other.example.com"},
        given(tags={"team": "two"}),
        lambda ground, it: ground.set_tag("apigateway", resourceArn=it["arn"]),
        shows("tags"),
    ),
    "aws:apigateway/basePathMapping:BasePathMapping": Life(
        lambda ground: {
            "domainName": ground.domain(),
            "restApi": ground.api(),
            "stageName": ground.stage("mapped"),
            "basePath": "life",
        },
        {"basePath": "other"},
    ),
    "aws:apigateway/apiKey:ApiKey": Life(
        given(name="life", tags={"team": "one"}),
        {"name": "other"},
        given(tags={"team": "two"}),
        lambda ground, it: ground.set_tag("apigateway", resourceArn=it["arn"]),
        shows("tags"),
    ),
    "aws:apigateway/usagePlan:UsagePlan": Life(
        lambda ground: {
            "name": "life",
            "apiStages": [{"apiId": ground.api(), "stage": ground.stage("planned")}],
            "throttleSettings": {"burstLimit": 7, "rateLimit": 7},
            "quotaSettings": {"limit": 7, "period": "DAY"},
            "tags": {"team": "one"},
        },
        {"name": "other"},
        given(tags={"team": "two"}),
        lambda ground, it: ground.set_tag("apigateway", resourceArn=it["arn"]),
        shows("tags"),
    ),
    "aws:apigateway/usagePlanKey:UsagePlanKey": Life(
        lambda ground: {
            "keyId": ground.made("aws:apigateway/apiKey:ApiKey", "ground", name="ground")["id"],
            "usagePlanId": ground.made("aws:apigateway/usagePlan:UsagePlan", "ground", name="ground")["id"],
            "keyType": "API_KEY",
        },
        {"usagePlanId": "other"},
        import_id=lambda it: f"{it['usagePlanId']}/{it['id']}",
    ),
    "aws:redshiftserverless/namespace:Namespace": Life(
        given(namespaceName="life", adminUsername="boss", adminUserPasswordWo="Boss12345", tags={"team": "one"}),
        {"dbName": "other"},
        given(logExports=["userlog"]),
        lambda ground, it: ground.client("redshift-serverless").update_namespace(
            namespaceName="life", logExports=["connectionlog"]
        ),
        shows("logExports"),
        unread=shows("adminUsername", "adminUserPasswordWo"),
    ),
    "aws:redshiftserverless/workgroup:Workgroup": Life(
        _vpc,
        {"workgroupName": "other"},
        given(baseCapacity=16),
        lambda ground, it: ground.client("redshift-serverless").update_workgroup(workgroupName="life", baseCapacity=32),
        shows("baseCapacity"),
    ),
    "aws:redshiftserverless/usageLimit:UsageLimit": Life(
        lambda ground: {
            "resourceArn": ground.workgroup()["arn"],
            "usageType": "serverless-compute",
            "amount": 7,
            "breachAction": "log",
        },
        {"period": "daily"},
        given(amount=8),
        lambda ground, it: ground.client("redshift-serverless").update_usage_limit(
            usageLimitId=it["id"], amount=9, breachAction="emit-metric"
        ),
        shows("amount", "breachAction"),
    ),
    "aws:redshiftdata/statement:Statement": Life(
        lambda ground: {
            "workgroupName": ground.workgroup()["workgroupName"],
            "database": "dev",
            "sql": "SELECT 1",
        },
        {"sql": "SELECT 2"},
        unread=shows("workgroupName", "database", "sql"),
    ),
    "aws:quicksight/dataSource:DataSource": Life(
        lambda ground: data_source(ground, "life"),
        {"dataSourceId": "other"},
        given(name="second"),
        lambda ground, it: ground.tag_arn("quicksight", it["arn"]),
        shows("tags"),
        import_id=lambda it: f"{it['awsAccountId']}/{it['dataSourceId']}",
        unread=shows("credentials"),
    ),
    "aws:quicksight/dataSet:DataSet": Life(
        lambda ground: data_set(ground, "life"),
        {"dataSetId": "other"},
        given(name="second"),
        lambda ground, it: ground.tag_arn("quicksight", it["arn"]),
        shows("tags"),
    ),
    "aws:xray/group:Group": Life(
        given(groupName="life", filterExpression="error", tags={"team": "one"}),
        {"groupName": "other"},
        given(filterExpression="fault"),
        lambda ground, it: ground.client("xray").update_group(GroupARN=it["id"], FilterExpression="throttle"),
        shows("filterExpression"),
    ),
    "aws:xray/samplingRule:SamplingRule": Life(
        _rule_life,
        {"ruleName": "other"},
        given(fixedRate=0.2),
        lambda ground, it: ground.client("xray").update_sampling_rule(
            SamplingRuleUpdate={"RuleName": "life", "Priority": 7, "FixedRate": 0.7}
        ),
        shows("priority", "fixedRate"),
    ),
}


def made_by(engine: Engine, type: str, inputs: Properties) -> Made:
    """A resource of a life."""
    values = Struct()
    values.update(inputs)
    return engine.create(type, f"urn:pulumi:life::types::{type}::life", "life", values)
