"""Tables of the Glue catalog over files, and their names."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts.args import ArgumentError
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import lower_case_name

FIRST_DATE = "2024-01-01"
"""The first day of tables that name none."""

HOUR_PROJECTION = {"type": "integer", "range": "0,23", "digits": "2"}
"""The partition key ``hour``."""


def date_projection(component: str, args: Mapping[str, Any]) -> dict[str, str]:
    """The partition key ``dt``: a day from the argument ``first_date`` on. A fixed one, because files would fall out of
    a range that moves.

    Raises:
        ArgumentError: it is no day.
    """
    first = args.get("first_date", FIRST_DATE)
    try:
        date.fromisoformat(first)
    except (TypeError, ValueError):
        raise ArgumentError(component, "first_date", f"is {first!r}; a day is YYYY-MM-DD") from None
    return {"type": "date", "format": "yyyy-MM-dd", "range": f"{first},NOW"}


def glue_name(name: str) -> str:
    """A name of a Glue database or table: project, stack and logical name in letters that Athena takes unquoted."""
    return lower_case_name(name, 128, "_")


def glue_table(
    common: Common,
    suffix: str,
    database_name: pulumi.Input[str],
    table_name: pulumi.Input[str],
    location: pulumi.Input[str],
    columns: Mapping[str, str],
    partitions: Mapping[str, Mapping[str, str]],
    parquet: bool = True,
) -> aws.glue.CatalogTable:
    """A table over files whose partitions are computed (partition projection), so that no crawler has to find them.

    Args:
        common: the component.
        suffix: of the logical name.
        database_name: of the Glue database.
        table_name: in the database.
        location: ``s3://bucket/prefix/``; below it each partition key is a folder ``key=value/``.
        columns: Hive types by name, in order.
        partitions: projections by partition key, in the order of the folders.
        parquet: the files are Parquet; otherwise JSON lines.
    """
    folders = "/".join(f"{key}=${{{key}}}" for key in partitions)
    hive = "org.apache.hadoop.hive.ql.io"
    formats: dict[str, Any] = (
        {
            "input_format": f"{hive}.parquet.MapredParquetInputFormat",
            "output_format": f"{hive}.parquet.MapredParquetOutputFormat",
            "ser_de_info": {
                "serialization_library": f"{hive}.parquet.serde.ParquetHiveSerDe",
                "parameters": {"serialization.format": "1"},
            },
        }
        if parquet
        else {
            "input_format": "org.apache.hadoop.mapred.TextInputFormat",
            "output_format": f"{hive}.HiveIgnoreKeyTextOutputFormat",
            "ser_de_info": {"serialization_library": "org.openx.data.jsonserde.JsonSerDe"},
        }
    )
    return aws.glue.CatalogTable(
        f"{common.name}-{suffix}",
        name=table_name,
        database_name=database_name,
        table_type="EXTERNAL_TABLE",
        parameters={
            "EXTERNAL": "TRUE",
            "classification": "parquet" if parquet else "json",
            "projection.enabled": "true",
            **{f"projection.{key}.{name}": value for key, made in partitions.items() for name, value in made.items()},
            "storage.location.template": pulumi.Output.concat(location, folders, "/"),
        },
        partition_keys=[aws.glue.CatalogTablePartitionKeyArgs(name=key, type="string") for key in partitions],
        storage_descriptor=aws.glue.CatalogTableStorageDescriptorArgs(
            location=location,
            columns=[
                aws.glue.CatalogTableStorageDescriptorColumnArgs(name=name, type=type) for name, type in columns.items()
            ],
            **formats,
        ),
        opts=common.opts(),
    )
