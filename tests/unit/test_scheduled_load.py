"""ScheduledLoad: its exact children, the schedule, the job, the warehouse, the migrations, every switch and error."""

import json
from typing import Any

import pulumi
import pytest
from pulumi_aws_eda import ArgumentError, ScheduledLoad, archives
from pulumi_aws_eda.testing import Recording, record

from tests.unit.component_cases import LEDGER, LOAD

KEY = "arn:aws:kms:eu-central-1:123456789012:key/k"
ARN = "arn:aws:{}:eu-central-1:123456789012:{}"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
JOB = "aws:glue/job:Job"
NAMESPACE = "aws:redshiftserverless/namespace:Namespace"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/rolePolicy:RolePolicy"
RULE = "aws:cloudwatch/eventRule:EventRule"
SCHEDULE = "aws:scheduler/schedule:Schedule"
SECURITY = "aws:glue/securityConfiguration:SecurityConfiguration"
INVOCATION = "aws:lambda/invocation:Invocation"
FUNCTION = "aws:lambda/function:Function"
WORKGROUP = "aws:redshiftserverless/workgroup:Workgroup"
CHILDREN = {
    (RULE, "l-failed"),
    (RULE, "l-loaded"),
    ("aws:cloudwatch/eventTarget:EventTarget", "l-failed"),
    ("aws:cloudwatch/logGroup:LogGroup", "l-log"),
    (ALARM, "l-dlq-messages"),
    (ALARM, "l-failed-failed-invocations"),
    (ALARM, "l-overdue"),
    (JOB, "l-job"),
    (SECURITY, "l-security"),
    ("aws:kms/key:Key", "l-key"),
    (ROLE, "l-job-role"),
    (POLICY, "l-job-role"),
    (ROLE, "l-schedule-role"),
    (POLICY, "l-schedule-role"),
    (INVOCATION, "l-migration"),
    (FUNCTION, "l-warehouse-function"),
    (ROLE, "l-warehouse-role"),
    (POLICY, "l-warehouse-role"),
    ("aws:cloudwatch/logGroup:LogGroup", "l-warehouse-log"),
    (ALARM, "l-warehouse-errors"),
    (ALARM, "l-warehouse-throttles"),
    ("aws:lambda/layerVersion:LayerVersion", "eda-powertools"),
    ("aws:lambda/layerVersion:LayerVersion", "eda-runtime"),
    (OBJECT, "l-library"),
    (OBJECT, "l-script"),
    (SCHEDULE, "l-schedule"),
    ("aws:sqs/queue:Queue", "l-dlq"),
    ("aws:sqs/queuePolicy:QueuePolicy", "l-dlq"),
}
OF_THE_NAMESPACE = {
    (NAMESPACE, "l-namespace"),
    (WORKGROUP, "l-workgroup"),
    (ROLE, "l-copy-role"),
    (POLICY, "l-copy-role"),
}
LEDGER_TABLE = {("aws:dynamodb/table:Table", "l-ledger")}
BUCKET = {
    (f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}", "l-job")
    for kind in (
        "Bucket",
        "BucketLifecycleConfiguration",
        "BucketOwnershipControls",
        "BucketPolicy",
        "BucketPublicAccessBlock",
        "BucketServerSideEncryptionConfiguration",
        "BucketVersioning",
    )
}
EXISTING = {
    "workgroup_name": "wg",
    "workgroup_arn": "arn:wg",
    "database_name": "dwh",
    "secret_arn": "arn:secret",
    "copy_role_arn": "arn:copy",
}
PLACE = {"dataset": "orders", "curated_bucket_name": "curated", "curated_prefix": "curated/"}
EXISTS = {"namespace": None, "workgroup": EXISTING}


def make(**args: Any) -> Recording:
    given: Any = {name: value for name, value in {**LOAD, **PLACE, **args}.items() if value is not None}
    return record(lambda: ScheduledLoad("l", given))


def arguments(made: Recording) -> dict[str, str]:
    return dict(made.one(JOB).inputs["defaultArguments"])


@pytest.mark.parametrize(
    ("args", "children"),
    [
        ({}, OF_THE_NAMESPACE | LEDGER_TABLE | BUCKET),
        (EXISTS, LEDGER_TABLE | BUCKET),
        ({"ledger_table_name": "l", "ledger_table_arn": LEDGER}, OF_THE_NAMESPACE | BUCKET),
        ({"job_bucket_name": "jobs"}, OF_THE_NAMESPACE | LEDGER_TABLE),
        ({**EXISTS, "migrations": ["A", "B"]}, LEDGER_TABLE | BUCKET),
    ],
)
def test_each_switch_makes_exactly_its_children(args: dict[str, Any], children: set[tuple[str, str]]) -> None:
    assert make(**args).names() == CHILDREN | children


def test_the_schedule_starts_the_job_daily_with_the_slots_time() -> None:
    made = make()
    schedule = made.one(SCHEDULE).inputs
    assert (schedule["scheduleExpression"], schedule["scheduleExpressionTimezone"]) == ("cron(0 3 * * ? *)", "UTC")
    assert schedule["flexibleTimeWindow"] == {"mode": "OFF"}
    target, queue = schedule["target"], ARN.format("sqs", "queue/project-test-l-dlq")
    assert target["arn"] == "arn:aws:scheduler:::aws-sdk:glue:startJobRun"
    assert json.loads(target["input"]) == {
        "JobName": "project-test-l",
        "Arguments": {"--scheduled_time": "<aws.scheduler.scheduled-time>"},
    }
    assert target["retryPolicy"] == {"maximumEventAgeInSeconds": 86400, "maximumRetryAttempts": 185}
    assert target["deadLetterConfig"] == {"arn": queue}
    found = made.statements("l-schedule-role")
    assert {sid: (s["Action"], s["Resource"]) for sid, s in found.items()} == {
        "Call": (["glue:StartJobRun"], [ARN.format("glue", "job/project-test-l")]),
        "DeadLetter": (["sqs:SendMessage"], [queue]),
    }
    other = make(schedule_expression="cron(30 1 * * ? *)", schedule_expression_timezone="Europe/Berlin").one(SCHEDULE)
    assert other.inputs["scheduleExpression"] == "cron(30 1 * * ? *)"
    assert other.inputs["scheduleExpressionTimezone"] == "Europe/Berlin"


def test_the_job_is_a_small_python_shell_with_pinned_versions_one_run_at_a_time() -> None:
    job = make().one(JOB).inputs
    assert (job["command"]["name"], job["command"]["pythonVersion"], job["glueVersion"]) == (
        "pythonshell",
        "3.9",
        "3.0",
    )
    assert (job["maxCapacity"], job["timeout"], job["maxRetries"]) == (0.0625, 240, 1)
    assert job["executionProperty"] == {"maxConcurrentRuns": 1}
    assert job["securityConfiguration"] == "project-test-l-security"
    given = job["defaultArguments"]
    assert given["--additional-python-modules"] == "boto3==1.42.97,botocore==1.42.97"
    assert given["--continuous-log-logGroup"] == "/aws-glue/python-jobs/project-test-l"
    assert given["--enable-continuous-cloudwatch-log"] == "true"
    assert "--scheduled_time" not in given
    changed = make(timeout=10, max_retries=0, max_attempts=5)
    assert (changed.one(JOB).inputs["timeout"], changed.one(JOB).inputs["maxRetries"]) == (10, 0)
    assert arguments(changed)["--max_attempts"] == "5"


def test_the_job_gets_its_target_by_arguments() -> None:
    given = arguments(make())
    assert (
        given.items()
        >= {
            "--ledger_table": "project-test-l-ledger",
            "--dataset": "orders",
            "--manifest_location": "s3://l-job-id/jobs/l/manifests/",
            "--workgroup_name": "project-test-l",
            "--database": "analytics",
            "--schema": "analytics",
            "--table": "l",
            "--key": "order_id",
            "--version_column": "version",
            "--copy_role_arn": ARN.format("iam", "role/project-test-l-copy-role"),
            "--statement_prefix": "project-test-l-",
            "--max_attempts": "3",
            "--awaits_refresh": "false",
            "--region": "eu-central-1",
        }.items()
    )
    assert json.loads(given["--columns"]) == [
        ["order_id", "VARCHAR(64)"],
        ["version", "BIGINT"],
        ["deleted", "BOOLEAN"],
    ]


def test_script_and_library_lie_under_their_digests() -> None:
    made = make()
    _, wheel, wheel_digest = archives.runtime_wheel()
    _, script_digest = archives.script("load_job")
    assert made.one(OBJECT, "l-script").inputs["key"] == f"jobs/l/code/{script_digest}/load_job.py"
    assert made.one(OBJECT, "l-library").inputs["key"] == f"jobs/l/code/{wheel_digest}/{wheel}"
    assert made.one(JOB).inputs["command"]["scriptLocation"] == f"s3://l-job-id/jobs/l/code/{script_digest}/load_job.py"
    assert arguments(made)["--extra-py-files"] == f"s3://l-job-id/jobs/l/code/{wheel_digest}/{wheel}"
    given = make(job_bucket_name="jobs", job_prefix="glue/")
    assert given.one(OBJECT, "l-script").inputs["bucket"] == "jobs"
    assert arguments(given)["--manifest_location"] == "s3://jobs/glue/manifests/"


def test_the_roles_hold_what_is_wired_and_no_more() -> None:
    made = make()
    group = f"{ARN.format('cloudwatch', 'loggroup')}//aws-glue/python-jobs/project-test-l-project-test-l-security"
    groups = [
        group,
        f"{group}:*",
        *(
            ARN.format("logs", f"log-group:/aws-glue/python-jobs/{name}")
            for name in ("error:*", "output:*", "project-test-l-security-role/*")
        ),
    ]
    found = made.statements("l-job-role")
    table = ARN.format("dynamodb", "table/project-test-l-ledger")
    assert {sid: (s["Action"], s["Resource"]) for sid, s in found.items()} == {
        "MoveRows": (["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"], [table]),
        "FindRows": (["dynamodb:Query"], [f"{table}/index/open", f"{table}/index/unloaded"]),
        "DeadLetter": (["sqs:SendMessage"], [ARN.format("sqs", "queue/project-test-l-dlq")]),
        "ReadCode": (["s3:GetObject"], ["arn:aws:s3:::l-job-id/jobs/l/code/*"]),
        "WriteManifest": (["s3:PutObject"], ["arn:aws:s3:::l-job-id/jobs/l/manifests/*"]),
        "Load": (
            ["redshift-data:BatchExecuteStatement", "redshift-serverless:GetCredentials"],
            [ARN.format("redshiftserverless", "workgroup/l-workgroup")],
        ),
        "DescribeStatements": (["redshift-data:DescribeStatement"], ["*"]),
        "WriteLog": (["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], groups),
        "EncryptLog": (["logs:AssociateKmsKey"], groups),
    }
    copy = made.statements("l-copy-role")
    assert {sid: (s["Action"], s["Resource"]) for sid, s in copy.items()} == {
        "ReadFiles": (
            ["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"],
            [
                "arn:aws:s3:::curated",
                "arn:aws:s3:::l-job-id",
                "arn:aws:s3:::curated/curated/*",
                "arn:aws:s3:::l-job-id/jobs/l/manifests/*",
            ],
        )
    }
    trust = made.one(ROLE, "l-copy-role").json("assumeRolePolicy")["Statement"][0]["Principal"]["Service"]
    assert trust == ["redshift-serverless.amazonaws.com", "redshift.amazonaws.com"]


def test_the_warehouse_is_private_encrypted_small_and_keeps_its_password_itself() -> None:
    made = make()
    namespace = made.one(NAMESPACE).inputs
    assert (namespace["namespaceName"], namespace["dbName"]) == ("project-test-l", "analytics")
    assert namespace["manageAdminPassword"] is True
    assert "adminUserPassword" not in namespace
    assert namespace["iamRoles"] == [ARN.format("iam", "role/project-test-l-copy-role")]
    assert namespace["logExports"] == ["connectionlog", "useractivitylog", "userlog"]
    workgroup = made.one(WORKGROUP).inputs
    assert (workgroup["workgroupName"], workgroup["namespaceName"]) == ("project-test-l", "project-test-l")
    assert workgroup["publiclyAccessible"] is False
    assert (workgroup["baseCapacity"], workgroup["enhancedVpcRouting"]) == (8, False)
    assert workgroup["subnetIds"] == ["subnet-1", "subnet-2", "subnet-3"]
    assert workgroup["securityGroupIds"] == ["sg-1"]
    settings = {
        **LOAD["namespace"],
        "database_name": "dwh",
        "base_capacity": 4,
        "max_capacity": 16,
        "enhanced_vpc_routing": True,
    }
    changed = make(namespace=settings)
    assert changed.one(NAMESPACE).inputs["dbName"] == arguments(changed)["--database"] == "dwh"
    workgroup = changed.one(WORKGROUP).inputs
    assert (workgroup["baseCapacity"], workgroup["maxCapacity"], workgroup["enhancedVpcRouting"]) == (4, 16, True)


def test_a_workgroup_that_exists_is_used() -> None:
    made = make(**EXISTS)
    given = arguments(made)
    assert (given["--workgroup_name"], given["--database"], given["--copy_role_arn"]) == ("wg", "dwh", "arn:copy")
    assert made.statements("l-job-role")["Load"]["Resource"] == ["arn:wg"]
    variables = made.one(FUNCTION).inputs["environment"]["variables"]
    assert (variables["WORKGROUP"], variables["DATABASE"], variables["SECRET_ARN"]) == ("wg", "dwh", "arn:secret")


def test_the_deployment_asks_for_schema_tables_user_grants_and_migrations() -> None:
    made = make(schema_name="mart", target_table_name="facts", migrations=["ALTER TABLE x ADD COLUMN y INT"])
    invocation = made.one(INVOCATION)
    assert invocation.inputs["functionName"] == "project-test-l-warehouse"
    assert invocation.json("input") == {
        "schema": "mart",
        "table": "facts",
        "columns": [["order_id", "VARCHAR(64)"], ["version", "BIGINT"], ["deleted", "BOOLEAN"]],
        "user": "IAMR:project-test-l-job-role",
        "migrations": ["ALTER TABLE x ADD COLUMN y INT"],
    }
    secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:l-namespace"
    workgroup = "arn:aws:redshiftserverless:eu-central-1:123456789012:workgroup/l-workgroup"
    assert invocation.inputs["triggers"] == {"workgroup": workgroup, "secret": secret}
    statements = made.statements("l-warehouse-role")
    assert statements["ReadSecret"]["Resource"] == [secret]
    assert statements["Migrate"]["Resource"] == [workgroup]
    assert "DecryptWithKey" not in statements
    keyed = make(kms_key_arn=KEY).statements("l-warehouse-role")["DecryptWithKey"]
    assert (keyed["Resource"], keyed["Condition"]) == (
        [KEY],
        {"StringLike": {"kms:ViaService": ["lambda.eu-central-1.*", "secretsmanager.eu-central-1.*"]}},
    )
    given: Any = {**EXISTING, "secret_kms_key_arn": KEY}
    assert make(namespace=None, workgroup=given).statements("l-warehouse-role")["DecryptWithKey"]["Resource"] == [KEY]


def test_a_run_that_failed_ends_in_the_dead_letter_queue() -> None:
    made = make()
    assert made.one(RULE, "l-failed").json("eventPattern") == {
        "source": ["aws.glue"],
        "detail-type": ["Glue Job State Change"],
        "detail": {"jobName": ["project-test-l"], "state": ["FAILED", "STOPPED", "TIMEOUT"]},
    }
    queue = ARN.format("sqs", "queue/project-test-l-dlq")
    target = made.one("aws:cloudwatch/eventTarget:EventTarget").inputs
    assert (target["rule"], target["arn"]) == ("project-test-l-failed", queue)
    statements = made.one("aws:sqs/queuePolicy:QueuePolicy").json("policy")["Statement"]
    allowed = [s["Condition"]["ArnEquals"]["aws:SourceArn"] for s in statements if s["Effect"] == "Allow"]
    assert allowed == [ARN.format("cloudwatch", "eventrule/project-test-l-failed")]


def test_a_load_that_is_missing_sets_off_an_alarm() -> None:
    made = make(alarm_actions=["arn:topic"])
    assert made.one(RULE, "l-loaded").json("eventPattern")["detail"] == {
        "jobName": ["project-test-l"],
        "state": ["SUCCEEDED"],
    }
    alarm = made.one(ALARM, "l-overdue").inputs
    assert (alarm["namespace"], alarm["metricName"]) == ("AWS/Events", "TriggeredRules")
    assert alarm["dimensions"] == {"RuleName": "project-test-l-loaded"}
    assert (alarm["period"], alarm["evaluationPeriods"], alarm["treatMissingData"]) == (3600, 26, "breaching")
    assert (alarm["comparisonOperator"], alarm["threshold"]) == ("LessThanThreshold", 1)
    assert alarm["alarmActions"] == ["arn:topic"]
    assert make(overdue_hours=168).one(ALARM, "l-overdue").inputs["evaluationPeriods"] == 168


def test_a_customer_key_encrypts_everything_and_is_the_roles_to_use() -> None:
    made = make(kms_key_arn=KEY)
    assert made.one(NAMESPACE).inputs["kmsKeyId"] == made.one(NAMESPACE).inputs["adminPasswordSecretKmsKeyId"] == KEY
    assert made.one(SECURITY).inputs["encryptionConfiguration"] == {
        "cloudwatchEncryption": {"cloudwatchEncryptionMode": "SSE-KMS", "kmsKeyArn": KEY},
        "jobBookmarksEncryption": {"jobBookmarksEncryptionMode": "CSE-KMS", "kmsKeyArn": KEY},
        "s3Encryption": {"s3EncryptionMode": "SSE-KMS", "kmsKeyArn": KEY},
    }
    for role in ("l-job-role", "l-schedule-role"):
        statements = made.statements(role)
        assert statements["DecryptWithKey"]["Resource"] == statements["EncryptWithKey"]["Resource"] == [KEY]
    copy = made.statements("l-copy-role")["DecryptWithKey"]
    assert (copy["Resource"], copy["Condition"]) == (
        [KEY],
        {"StringLike": {"kms:ViaService": ["s3.eu-central-1.*"]}},
    )
    assert not made.of("aws:kms/key:Key")


def test_without_a_customer_key_log_and_bookmarks_of_the_job_have_one_of_their_own() -> None:
    made = make()
    own = ARN.format("kms", "key/l-key")
    assert made.one(SECURITY).inputs["encryptionConfiguration"] == {
        "cloudwatchEncryption": {"cloudwatchEncryptionMode": "SSE-KMS", "kmsKeyArn": own},
        "jobBookmarksEncryption": {"jobBookmarksEncryptionMode": "CSE-KMS", "kmsKeyArn": own},
        "s3Encryption": {"s3EncryptionMode": "SSE-S3"},
    }
    assert made.one("aws:cloudwatch/logGroup:LogGroup", "l-log").inputs["kmsKeyId"] == own
    sids = {statement["Sid"] for statement in made.one("aws:kms/key:Key").json("policy")["Statement"]}
    assert sids == {"Administer", "Logs"}


def test_the_jobs_log_group_is_named_as_glue_names_it_with_its_security_configuration() -> None:
    made = make()
    name = made.one(SECURITY).inputs["name"]
    assert arguments(made)["--continuous-log-logGroup"] == "/aws-glue/python-jobs/project-test-l"
    group = made.one("aws:cloudwatch/logGroup:LogGroup", "l-log").inputs["name"]
    assert group == f"/aws-glue/python-jobs/project-test-l-{name}"


def test_what_a_user_downstream_needs_is_an_output() -> None:
    def program() -> None:
        given: Any = {**LOAD, **PLACE}
        made: Any = ScheduledLoad("l", given)
        for name in ScheduledLoad.__annotations__:
            pulumi.export(name, getattr(made, name))

    found = record(program).exports
    assert None not in found.values()
    assert (found["endpoint_address"], found["port"]) == (
        "l-workgroup.123456789012.eu-central-1.redshiftserverless.amazonaws.com",
        5439,
    )
    assert (found["schema_name"], found["target_table_name"]) == ("analytics", "l")
    assert found["statement_prefix"] == "project-test-l-"


def test_boundary_and_retention_reach_every_child() -> None:
    made = make(permissions_boundary="arn:boundary", log_retention_in_days=7)
    assert {role.inputs["permissionsBoundary"] for role in made.of(ROLE).values()} == {"arn:boundary"}
    assert {group.inputs["retentionInDays"] for group in made.of("aws:cloudwatch/logGroup:LogGroup").values()} == {7}


def namespace(**more: Any) -> dict[str, Any]:
    return {"namespace": {**LOAD["namespace"], **more}}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"timout": 1}, "'timout' is unknown; is 'timeout' meant?"),
        ({"dataset": None}, "'dataset' is missing"),
        ({"dataset": "a b"}, "'dataset' is 'a b'; allowed is 1 to 128 of"),
        ({"curated_prefix": "curated"}, "'curated_prefix' is 'curated'; allowed is a prefix that ends with '/'"),
        ({"columns": {}}, "'columns' is empty"),
        ({"columns": {"Order": "INT"}}, "'columns' has 'Order'; allowed are up to 127 lower case letters"),
        ({"columns": {"a": "INT;"}}, "'columns' has 'a' of the type 'INT;'; VARCHAR(64) is one"),
        ({"key": "id"}, "'key' is 'id', which is none of columns"),
        ({"version_column": "order_id"}, "'version_column' is 'order_id', which is the key"),
        ({"schema_name": "a-b"}, "'schema_name' has 'a-b'"),
        ({"target_table_name": "load_ledger"}, "'target_table_name' is 'load_ledger', which is the load's own table"),
        ({"schedule_expression": "daily"}, "'schedule_expression' is 'daily'; allowed are cron(…), rate(…), at(…)"),
        ({"schedule_expression_timezone": "Berlin"}, "is 'Berlin'; allowed are IANA names, such as Europe/Berlin"),
        ({"overdue_hours": 169}, "'overdue_hours' is 169; allowed are whole numbers from 1 to 168"),
        ({"timeout": 2881}, "allowed are whole numbers from 1 to 2880"),
        ({"max_retries": 11}, "allowed are whole numbers from 0 to 10"),
        ({"max_attempts": 0}, "'max_attempts' is 0"),
        ({"migrations": ["A", " "]}, "'migrations[1]' is empty"),
        ({"job_prefix": "jobs"}, "'job_prefix' is 'jobs'"),
        ({"job_bucket_name": "b", "force_destroy": True}, "'force_destroy' is for the component's own bucket"),
        ({"job_bucket_kms_key_arn": KEY}, "'job_bucket_kms_key_arn' is for a bucket given by 'job_bucket_name'"),
        ({"namespace": None}, "'namespace' or 'workgroup' is needed, and not both; neither is given"),
        ({"workgroup": EXISTING}, "'namespace' or 'workgroup' is needed, and not both; both are given"),
        (
            {"namespace": None, "workgroup": {"workgroup_name": "w"}},
            "workgroup: the argument 'copy_role_arn' is missing",
        ),
        (namespace(subnet_ids=[]), "namespace: the argument 'subnet_ids' is empty"),
        (namespace(security_group_ids=[]), "'security_group_ids' is empty"),
        (namespace(base_capacity=12), "'base_capacity' is 12; allowed are 4 and multiples of 8 from 8 to 1024"),
        (namespace(base_capacity=16, max_capacity=8), "'max_capacity' is 8, which is below 'base_capacity', 16"),
        (namespace(database_name="Dwh"), "'database_name' has 'Dwh'"),
        ({"ledger_table_name": "l"}, "'ledger_table_arn' is missing"),
    ],
)
def test_a_wrong_argument_is_named(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        make(**args)
    assert message in str(raised.value)
