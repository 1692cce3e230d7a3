"""The analytics ledger: the table that moves queries, loads and refreshes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from pulumi_aws_eda._parts import tables
from pulumi_aws_eda._parts.common import Common


@dataclass(frozen=True)
class LedgerTable:
    """The analytics ledger.

    Attributes:
        name: the table.
        arn: its ARN.
    """

    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def index(self, name: str) -> pulumi.Output[str]:
        """The ARN of an index."""
        return pulumi.Output.concat(self.arn, "/index/", name)


def ledger_table(common: Common, args: Mapping[str, Any]) -> LedgerTable:
    """The ledger that was handed in (``ledger_table_name``, ``ledger_table_arn``), or one of the component's own: key
    ``id``, the indexes ``open`` (of what is not finished) and ``unloaded`` (of what no load has taken)."""
    if "ledger_table_name" in args:
        return LedgerTable(
            pulumi.Output.from_input(args["ledger_table_name"]), pulumi.Output.from_input(args["ledger_table_arn"])
        )
    indexes = {"open": ("open", "opened_at"), "unloaded": ("unloaded", "settled_at")}
    made = tables.table(common, "ledger", "id", ttl="expires_at", global_secondary_indexes=indexes)
    return LedgerTable(made.name, made.arn)
