"""Rules on DynamoDB tables."""

from eda_policies.functions import functions
from eda_policies.graph import Graph
from eda_policies.resource import Findings, Resource
from eda_policies.rule import Category, Option, Options, resource_rule, stack_rule

TABLE = "aws:dynamodb/table:Table"
_GUIDE = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"


@resource_rule(
    "dynamodb-recovery",
    Resource,
    TABLE,
    holds="A table can be restored to any second of the last days.",
    why="A faulty release can overwrite every row; without recovery they are gone.",
    fix='Set point_in_time_recovery={"enabled": True}.',
    reference=_GUIDE + "PointInTimeRecovery.html",
    category=Category.RELIABILITY,
)
def recovery(table: Resource, options: Options) -> Findings:
    """Tables can be restored."""
    yield from table.flag("pointInTimeRecovery.enabled", False).require(lambda on: on, "true")


@resource_rule(
    "dynamodb-encrypted",
    Resource,
    TABLE,
    holds="A table is encrypted with a KMS key of the account.",
    why="With the service's own key nobody can see or revoke who reads the data.",
    fix='Set server_side_encryption={"enabled": True}, with kms_key_arn for a key of your own.',
    reference=_GUIDE + "EncryptionAtRest.html",
    category=Category.SECURITY,
)
def encrypted(table: Resource, options: Options) -> Findings:
    """Tables are encrypted by KMS."""
    yield from table.flag("serverSideEncryption.enabled", False).require(lambda on: on, "true")


@resource_rule(
    "dynamodb-deletion-protection",
    Resource,
    TABLE,
    holds="A table whose rows do not all expire cannot be deleted by mistake.",
    why="A renamed resource is a deleted table.",
    fix="Set deletion_protection_enabled=True.",
    reference=_GUIDE + "WorkingWithTables.Basics.html#WorkingWithTables.Basics.DeletionProtection",
    category=Category.RELIABILITY,
    only_in=("prod",),
)
def deletion_protection(table: Resource, options: Options) -> Findings:
    """Tables are protected; what expires by itself (TTL) needs no protection."""
    if table.flag("ttl.enabled", False).value is not True:
        yield from table.flag("deletionProtectionEnabled", False).require(lambda on: on, "true, or a TTL")


@stack_rule(
    "dynamodb-idempotency-ttl",
    holds="A table of idempotency records deletes them when they expire.",
    why="Records are needed for hours; without a TTL they are paid for for ever.",
    fix='Set ttl={"attribute_name": "expiration", "enabled": True}.',
    reference=_GUIDE + "TTL.html",
    category=Category.COST,
    options={
        "variables": Option.of(
            {
                "type": "array",
                "items": {"type": "string"},
                "description": "environment variables of functions that hold idempotency settings or name the table",
            },
            ["EDA_IDEMPOTENCY", "IDEMPOTENCY_TABLE", "POWERTOOLS_IDEMPOTENCY_TABLE"],
        )
    },
)
def idempotency_ttl(graph: Graph, options: Options) -> Findings:
    """Records expire."""
    tables: dict[str, Resource] = {}
    for function in functions(graph):
        for name in options["variables"]:
            if function.anything(f"environment.variables.{name}").given:
                path = f"environment.variables.{name}"
                found = graph.linked(function, path, TABLE)
                # While the settings are unknown, all tables of the environment are linked: those with records are
                # keyed as the persistence layer keys them.
                if function.anything(path).unknown:
                    found = [t for t in found if t.text("hashKey").value == "id" and not t.text("rangeKey").given]
                tables.update({table.urn: table for table in found})
    for table in tables.values():
        yield from table.flag("ttl.enabled", False).require(lambda on: on, "true")
