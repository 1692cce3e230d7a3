"""The reference pipeline's own program and its configuration."""

import runpy
from functools import cache
from pathlib import Path

import pytest
from eda_sandbox.provider.deploy import stack_config
from eda_sandbox.provider.table import TABLE
from pulumi_aws_eda.testing import Recording, record

from pipeline import documents
from pipeline.config import ConfigError

ROOT = Path(__file__).parents[2]
URL = {"orders:external_api_url": "https://offers.example.com"}


@cache
def run(stack: str, **config: str | int | bool) -> Recording:
    """The pipeline's program; what it registers with a config is recorded once, and not to be changed."""
    if not config:
        return documents.recording(stack)
    given = {**stack_config(ROOT, "orders", stack), **URL, **{f"orders:{key}": value for key, value in config.items()}}
    program = str(ROOT / "__main__.py")
    return record(lambda: runpy.run_path(program), given, project="orders", stack=stack)


@pytest.mark.parametrize("stack", ["dev", "sandbox"])
def test_the_numbers_of_the_functions(stack: str) -> None:
    functions = {f.name: f.inputs for f in run(stack).of("aws:lambda/function:Function").values()}
    loading = {
        "orders-analytics-load-warehouse-function": (256, 300),
        "orders-analytics-refresh-function-function": (256, 60),
    }
    assert {name: (f["memorySize"], f["timeout"]) for name, f in functions.items()} == {
        "get-order-function": (128, 2),
        "add-details-function": (128, 10),
        "call-external-api-function": (2048, 120),
        "orders-workflow-token-keeper-function": (256, 10),
        "orders-workflow-reconciler-function": (256, 300),
        "notify-order-function": (256, 10),
        "suppliers-sync-function": (256, 300),
        "orders-analytics-query-function-function": (256, 60),
        "orders-analytics-reconciler-function-function": (256, 300),
        **(loading if stack == "sandbox" else {}),
    }
    assert functions["get-order-function"]["reservedConcurrentExecutions"] == 20


def test_every_resource_of_the_stack_is_one_that_the_sandbox_makes() -> None:
    used = {resource.type for resource in run("dev").resources if resource.type.startswith("aws:")}
    assert used <= set(TABLE)


def test_every_resource_has_the_environments_tags() -> None:
    for function in run("dev").of("aws:lambda/function:Function").values():
        assert function.inputs["tags"] == {"project": "orders", "environment": "dev", "managed-by": "pulumi"}


def test_the_exports_name_what_a_user_needs() -> None:
    assert set(run("dev").exports) == {
        "api_url",
        "openapi",
        "orders_table_name",
        "callback_table_name",
        "workflow_arn",
        "workflow_dlq_url",
        "workflow_reconciler_dlq_url",
        "workflow_reconciler_function_name",
        "notifications_queue_url",
        "notifications_dlq_arn",
        "delivery_stream_name",
        "pipe_dlq_url",
        "raw_bucket_name",
        "raw_table_name",
        "glue_database_name",
        "curated_bucket_name",
        "curated_table_name",
        "current_view_name",
        "athena_workgroup_name",
        "ledger_table_name",
        "query_function_name",
        "query_dlq_url",
        "load_job_name",
        "load_dlq_url",
        "schedule_name",
        "redshift_workgroup_name",
        "redshift_database",
        "redshift_schema",
        "redshift_secret_arn",
        "reader_secret_arn",
        "redshift_table",
        "spice_data_set_ids",
        "refresh_dlq_url",
        "reconciler_function_name",
        "reconciler_dlq_url",
        "alarm_topic_arn",
        "dashboard_name",
        "log_group_names",
    }


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, "https://offers.example.com/notifications"),
        ({"notification_url": "https://hooks.example.com/orders"}, "https://hooks.example.com/orders"),
    ],
)
def test_notifications_go_where_the_config_says(config: dict[str, str], expected: str) -> None:
    functions = run("dev", **config).of("aws:lambda/function:Function")
    assert functions["notify-order-function"].inputs["environment"]["variables"]["NOTIFICATION_URL"] == expected


def test_the_orders_stream_has_two_readers_and_no_third() -> None:
    made = run("sandbox")
    assert set(made.of("aws:pipes/pipe:Pipe")) == {"orders-raw-pipe", "orders-outbox-pipe"}
    sources = {
        m.name: m.inputs["eventSourceArn"] for m in made.of("aws:lambda/eventSourceMapping:EventSourceMapping").values()
    }
    assert set(sources) == {"notify-order-queue"}
    assert ":sqs:" in sources["notify-order-queue"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"environment": ""}, "config orders:environment is missing; allowed: dev, staging, prod, sandbox"),
        ({"environment": "test"}, "config orders:environment is 'test'; allowed: dev, staging, prod, sandbox"),
        ({"get_concurrency": "many"}, "config orders:get_concurrency is 'many'; allowed: whole numbers from 1 to 1000"),
        ({"external_api_url": "http://api.example.com"}, "allowed: an https:// address (http:// for loopback)"),
        ({"notification_url": "http://hooks.example.com"}, "allowed: an https:// address (http:// for loopback)"),
        ({"external_api_url": ""}, "Set it with: pulumi config set orders:external_api_url VALUE"),
        ({"log_retention_in_days": "2"}, "config orders:log_retention_in_days is '2'; allowed: 1, 3, 5, 7"),
        ({"authorization": "OPEN"}, "allowed: AWS_IAM, COGNITO, API_KEY, NONE"),
        (
            {"alarm_topic_arn": "topic"},
            "config orders:alarm_topic_arn is 'topic'; allowed: the ARN of an SNS topic, or none",
        ),
        ({"environment": "prod"}, "config orders:deletion_protection is not allowed in prod as it is; allowed: true"),
    ],
)
def test_a_wrong_or_missing_value_names_key_value_and_what_is_allowed(config: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        run("dev", **config)
    assert message in str(raised.value)


def test_all_wrong_values_are_named_at_once() -> None:
    wrong = {"get_concurrency": "many", "external_api_url": "ftp://x", "load_timezone": "Mars", "environment": ""}
    with pytest.raises(ConfigError) as raised:
        run("dev", **wrong)
    lines = str(raised.value).splitlines()
    assert len(lines) == len(wrong)
    assert all(any(f"orders:{key} is " in line for line in lines) for key in wrong)
    with pytest.raises(ConfigError) as raised:
        run("dev", environment="prod", quicksight="true", redshift="false")
    assert len(str(raised.value).splitlines()) > 2
