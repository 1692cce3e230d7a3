"""Tables."""

from collections.abc import Mapping

import pulumi_aws as aws

from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import physical_name


def table(
    common: Common,
    suffix: str,
    hash_key: str,
    ttl: str | None = None,
    stream_view_type: str | None = None,
    global_secondary_indexes: Mapping[str, tuple[str, str]] | None = None,
) -> aws.dynamodb.Table:
    """An encrypted on-demand table with point-in-time recovery.

    Args:
        common: the component.
        suffix: of the logical name.
        hash_key: the partition key, a string.
        ttl: the attribute that says when a row expires.
        stream_view_type: what the table's stream holds; None makes no stream.
        global_secondary_indexes: partition and sort key by the index's name, both strings; each holds whole rows.
    """
    name, indexes = f"{common.name}-{suffix}", global_secondary_indexes or {}
    made = aws.dynamodb.Table(
        name,
        name=physical_name(name, 255),
        billing_mode="PAY_PER_REQUEST",
        hash_key=hash_key,
        attributes=[
            aws.dynamodb.TableAttributeArgs(name=key, type="S")
            for key in dict.fromkeys([hash_key, *(key for keys in indexes.values() for key in keys)])
        ],
        global_secondary_indexes=[
            aws.dynamodb.TableGlobalSecondaryIndexArgs(
                name=index,
                key_schemas=[
                    aws.dynamodb.TableGlobalSecondaryIndexKeySchemaArgs(attribute_name=key, key_type=key_type)
                    for key, key_type in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                projection_type="ALL",
            )
            for index, keys in indexes.items()
        ]
        or None,
        ttl={"attribute_name": ttl, "enabled": True} if ttl else None,
        point_in_time_recovery={"enabled": True},
        server_side_encryption={"enabled": True, "kms_key_arn": common.kms_key_arn},
        stream_enabled=True if stream_view_type else None,
        stream_view_type=stream_view_type,
        deletion_protection_enabled=common.deletion_protection,
        tags=common.tags,
        opts=common.keeping(),
    )
    common.watch("tables", made.name)
    return made
