"""Tables as DynamoDB describes them (recorded, LocalStack's test_dynamodb.py).

What is being made, changed or removed is called so in the answer; by the next request it is done.
"""

from collections.abc import Callable
from typing import Any

from ministack.services import dynamodb as emulated

from eda_sandbox.frontdoor.emulated_answers import Answer, changed

Table = dict[str, Any]
ON_DEMAND_READS, ON_DEMAND_WRITES = 12_000, 4_000
"""What an on-demand table is ready for, in units a second (Developer Guide, warm throughput)."""
_emulators = {
    name: getattr(emulated, name) for name in ("_create_table", "_delete_table", "_describe_table", "_update_table")
}


def install() -> None:
    """Describe in the emulator's place; again does nothing."""
    emulated._create_table = _describing("_create_table", "TableDescription", _created)
    emulated._update_table = _describing("_update_table", "TableDescription", _updated)
    emulated._delete_table = _describing("_delete_table", "TableDescription", _deleted)
    emulated._describe_table = _describing("_describe_table", "Table", _described)


def _describing(operation: str, member: str, change: Callable[[Table], None]) -> Callable[[Any], Answer]:
    def described(found: dict[str, Any]) -> dict[str, Any]:
        table = found[member]
        for one in (table, *table.get("GlobalSecondaryIndexes", ())):
            if "ProvisionedThroughput" in one:
                one["ProvisionedThroughput"].setdefault("NumberOfDecreasesToday", 0)
        billing = table.get("BillingModeSummary", {})
        if billing.get("BillingMode") == "PROVISIONED" and "LastUpdateToPayPerRequestDateTime" not in billing:
            table.pop("BillingModeSummary", None)
        change(table)
        return found

    return lambda given: changed(_emulators[operation](given), described)


def _created(table: Table) -> None:
    table["TableStatus"] = "CREATING"
    table.pop("WarmThroughput", None)
    for index in table.get("GlobalSecondaryIndexes", ()):
        index["IndexStatus"] = "CREATING"


def _updated(table: Table) -> None:
    table["TableStatus"] = "UPDATING"


def _deleted(table: Table) -> None:
    for name in ("AttributeDefinitions", "CreationDateTime", "KeySchema", "WarmThroughput"):
        table.pop(name, None)


def _described(table: Table) -> None:
    on_demand = table.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST"
    if on_demand:
        table["BillingModeSummary"].setdefault("LastUpdateToPayPerRequestDateTime", table["CreationDateTime"])
    for one in (table, *table.get("GlobalSecondaryIndexes", ())):
        given, units = one.get("WarmThroughput", {}), one.get("ProvisionedThroughput", {})
        if not given.get("ReadUnitsPerSecond"):
            one["WarmThroughput"] = {
                "ReadUnitsPerSecond": ON_DEMAND_READS if on_demand else units.get("ReadCapacityUnits", 0),
                "WriteUnitsPerSecond": ON_DEMAND_WRITES if on_demand else units.get("WriteCapacityUnits", 0),
                "Status": "ACTIVE",
            }
