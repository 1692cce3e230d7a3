"""What the analytics functions need of AWS, as grants: from what they work on, the same for each of them."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi

from pulumi_aws_eda._parts import arns
from pulumi_aws_eda._parts.analytics import ledgers
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function.grants import GrantArgs

# What Athena does in a location that it writes to (Athena documentation, query result locations; the managed policy
# AmazonAthenaFullAccess): long results are uploaded in parts, and what is left of a cancelled upload is removed.
_OBJECTS = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject")
_BUCKET = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")


class ObjectQueriesArgs(TypedDict):
    """Queries of a bucket's objects; ``PerObjectQuery.object_queries`` has them."""

    workgroup_arn: pulumi.Input[str]
    """Athena's workgroup."""
    database_name: pulumi.Input[str]
    """The Glue database of the raw table."""
    table_name: pulumi.Input[str]
    """The raw table."""
    bucket_name: pulumi.Input[str]
    """The bucket of the raw objects."""
    prefix: pulumi.Input[str]
    """Where the raw objects lie."""
    curated_bucket_name: pulumi.Input[str]
    """The bucket the queries write to."""
    curated_prefix: pulumi.Input[str]
    """Where they write."""
    result_bucket_name: pulumi.Input[str]
    """The bucket of the workgroup's results."""
    result_prefix: pulumi.Input[str]
    """Where the results lie."""
    correlation_id_column: NotRequired[str]
    """Of no effect any more: whoever settles a query reads results either way."""
    key_arns: NotRequired[Sequence[pulumi.Input[str]]]
    """Customer managed keys of the buckets; default: the ``kms_key_arn`` of the component that takes these."""
    dead_letter_queue_url: NotRequired[pulumi.Input[str]]
    """The queue for queries that failed for good; default: the component's own."""
    dead_letter_queue_arn: NotRequired[pulumi.Input[str]]
    """Its ARN; needed with ``dead_letter_queue_url``."""


class LoadsArgs(TypedDict):
    """Loads of a ``ScheduledLoad``."""

    job_name: pulumi.Input[str]
    """The Glue job that loads."""
    job_arn: pulumi.Input[str]
    """Its ARN."""
    dead_letter_queue_url: NotRequired[pulumi.Input[str]]
    """The queue for loads that failed for good; default: the component's own."""
    dead_letter_queue_arn: NotRequired[pulumi.Input[str]]
    """Its ARN; needed with ``dead_letter_queue_url``."""


class IngestionsArgs(TypedDict):
    """Ingestions of a ``SpiceRefresh``."""

    data_set_ids: Sequence[pulumi.Input[str]]
    """The data sets."""
    dead_letter_queue_url: NotRequired[pulumi.Input[str]]
    """The queue for refreshes that failed for good; default: the component's own."""
    dead_letter_queue_arn: NotRequired[pulumi.Input[str]]
    """Its ARN; needed with ``dead_letter_queue_url``."""


def ledger(table: ledgers.LedgerTable) -> dict[str, GrantArgs]:
    """Reading and moving rows of the ledger."""
    return {"MoveRows": {"actions": ["dynamodb:GetItem", "dynamodb:UpdateItem"], "resources": [table.arn]}}


def object_queries(common: Common, given: ObjectQueriesArgs) -> dict[str, GrantArgs]:
    """Starting and settling queries, and what Athena does in the caller's name: it reads the raw objects and their
    table, and writes results and curated files; those of failed attempts are deleted."""
    database, curated = given["database_name"], arns.bucket_arn(common, given["curated_bucket_name"])
    raw, results = (arns.bucket_arn(common, given[name]) for name in ("bucket_name", "result_bucket_name"))
    grants: dict[str, GrantArgs] = {
        "Query": {
            "actions": ["athena:GetQueryExecution", "athena:GetQueryResults", "athena:StartQueryExecution"],
            "resources": [given["workgroup_arn"]],
        },
        "ReadSchema": {
            # Athena asks for the partitions of a table without projection (Athena documentation, partition projection).
            "actions": ["glue:GetDatabase", "glue:GetPartitions", "glue:GetTable"],
            "resources": [
                arns.arn(common, "glue", "catalog"),
                # Athena asks for the default database with every query (Athena documentation, access to databases).
                arns.arn(common, "glue", "database/default"),
                arns.arn(common, "glue", pulumi.Output.concat("database/", database)),
                arns.arn(common, "glue", pulumi.Output.concat("table/", database, "/", given["table_name"])),
            ],
        },
        "ReadRaw": {
            "actions": ["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"],
            "resources": [raw, pulumi.Output.concat(raw, "/", given["prefix"], "*")],
        },
        "WriteCurated": {
            "actions": sorted((*_BUCKET, *_OBJECTS, "s3:DeleteObject")),
            "resources": [curated, pulumi.Output.concat(curated, "/", given["curated_prefix"], "*")],
        },
        "WriteResults": {
            "actions": sorted((*_BUCKET, *_OBJECTS)),
            "resources": [results, pulumi.Output.concat(results, "/", given["result_prefix"], "*")],
        },
    }
    if "key_arns" in given:
        for sid in ("ReadRaw", "WriteCurated", "WriteResults"):
            grants[sid]["kms_key_arns"] = given["key_arns"]
    return grants


def statements(*, results: bool = False) -> dict[str, GrantArgs]:
    """Looking up statements of the Redshift Data API, which have no ARN (Service Authorization Reference).

    Args:
        results: their results too.
    """
    more = ["redshift-data:GetStatementResult"] if results else []
    return {"DescribeStatements": {"actions": ["redshift-data:DescribeStatement", *more], "resources": ["*"]}}


def loads(given: LoadsArgs) -> dict[str, GrantArgs]:
    """Starting the job for a slot that was begun."""
    return {"StartLoads": {"actions": ["glue:StartJobRun"], "resources": [given["job_arn"]]}}


def ingestions(common: Common, data_set_ids: Sequence[pulumi.Input[str]]) -> dict[str, GrantArgs]:
    """Starting and looking up the ingestions of data sets."""
    data_sets = [arns.arn(common, "quicksight", pulumi.Output.concat("dataset/", id)) for id in data_set_ids]
    return {
        "Refresh": {
            "actions": ["quicksight:CreateIngestion", "quicksight:DescribeIngestion"],
            "resources": [*data_sets, *(pulumi.Output.concat(arn, "/ingestion/*") for arn in data_sets)],
        }
    }
