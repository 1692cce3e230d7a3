"""QuickSight's data sources and data sets."""

import time
from typing import Any

from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.convert import Inputs, pairs, properties
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, found_by
from eda_sandbox.provider.tags import tagged, tags_of

LOOK_SECONDS = 0.1
WAIT_SECONDS = 120
"""How long a data source may take to be reached."""
_KEYED = {
    "physicalTableMaps": "physicalTableMapId",
    "logicalTableMaps": "logicalTableMapId",
    "fieldFolders": "fieldFoldersId",
}
"""Lists of blocks that are maps in the API, with the property that is the key."""
_RENAMES = {
    "physicalTableMaps": "PhysicalTableMap",
    "logicalTableMaps": "LogicalTableMap",
    "parameters": "DataSourceParameters",
    "redshift": "RedshiftParameters",
}


def _create_source(context: Context, inputs: Inputs) -> Created:
    account, tags = inputs.take("awsAccountId", context.cloud.account), inputs.tags()
    client = context.client("quicksight")
    request = inputs.rest("quicksight", "CreateDataSource", _RENAMES)
    made = client.create_data_source(AwsAccountId=account, **request, **({"Tags": pairs(tags)} if tags else {}))
    _wait_for_source(client, account, made["DataSourceId"])
    return Created(f"{account},{made['DataSourceId']}", {"arn": made["Arn"], "awsAccountId": account})


def _wait_for_source(client: Any, account: str, identifier: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = client.describe_data_source(AwsAccountId=account, DataSourceId=identifier)["DataSource"]
        if found["Status"].endswith("_SUCCESSFUL"):
            return
        if found["Status"].endswith("_FAILED"):
            error = found.get("ErrorInfo", {})
            raise SandboxError(f"the data source is {found['Status']}: {error.get('Type')}: {error.get('Message')}")
        if time.monotonic() > deadline:
            raise SandboxError(f"the data source is still {found['Status']} after {WAIT_SECONDS} s")
        time.sleep(LOOK_SECONDS)


def _update_source(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    account, identifier = id.split(",")
    for untouched in ("awsAccountId", "dataSourceId", "type", "permissions", "tags", "tagsAll"):
        inputs.take(untouched)
    client = context.client("quicksight")
    request = inputs.rest("quicksight", "UpdateDataSource", _RENAMES)
    client.update_data_source(AwsAccountId=account, DataSourceId=identifier, **request)
    _wait_for_source(client, account, identifier)
    return {}


def _read_source(context: Context, id: str, state: dict[str, Any]) -> Found:
    account, identifier = id.split(",")
    client = context.client("quicksight")
    source = client.describe_data_source(AwsAccountId=account, DataSourceId=identifier)["DataSource"]
    found = properties("quicksight", "CreateDataSource", source, _RENAMES)
    found["awsAccountId"] = account
    found["tags"] = tags_of(client.list_tags_for_resource(ResourceArn=source["Arn"]).get("Tags"))
    return Found(found, {"arn": source["Arn"]})


def _delete_source(context: Context, id: str, state: dict[str, Any]) -> None:
    account, identifier = id.split(",")
    context.client("quicksight").delete_data_source(AwsAccountId=account, DataSourceId=identifier)


def _create_set(context: Context, inputs: Inputs) -> Created:
    account, tags = inputs.take("awsAccountId", context.cloud.account), inputs.tags()
    refresh = inputs.take("refreshProperties")
    client = context.client("quicksight")
    request = _set_request(inputs, "CreateDataSet")
    made = client.create_data_set(AwsAccountId=account, **request, **({"Tags": pairs(tags)} if tags else {}))
    _put_refresh_properties(client, account, made["DataSetId"], refresh)
    described = client.describe_data_set(AwsAccountId=account, DataSetId=made["DataSetId"])["DataSet"]
    outputs = {"arn": made["Arn"], "awsAccountId": account, "outputColumns": _columns(described)}
    return Created(f"{account},{made['DataSetId']}", outputs)


def _columns(described: dict[str, Any]) -> list[dict[str, Any]]:
    return [{key.lower(): value for key, value in column.items()} for column in described["OutputColumns"]]


def _set_request(inputs: Inputs, operation: str) -> dict[str, Any]:
    given = {name: inputs.take(name) for name in _KEYED}
    for only_output in ("outputColumns", "useAs"):
        inputs.take(only_output)
    request = inputs.rest("quicksight", operation, _RENAMES)
    for name, blocks in given.items():
        if blocks:
            # The keys are the user's words, not property names.
            converted = {block[_KEYED[name]]: _without(block, _KEYED[name]) for block in blocks}
            request |= Inputs(f"quicksight:{operation}", {name: converted}).rest("quicksight", operation, _RENAMES)
    return request


def _without(block: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name != key}


def _put_refresh_properties(client: Any, account: str, identifier: str, refresh: Any) -> None:
    if refresh:
        properties = Inputs("quicksight:RefreshProperties", {"dataSetRefreshProperties": refresh})
        request = properties.rest("quicksight", "PutDataSetRefreshProperties")
        client.put_data_set_refresh_properties(AwsAccountId=account, DataSetId=identifier, **request)


def _update_set(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    account, identifier = id.split(",")
    for untouched in ("awsAccountId", "dataSetId", "permissions", "tags", "tagsAll"):
        inputs.take(untouched)
    refresh = inputs.take("refreshProperties")
    client = context.client("quicksight")
    client.update_data_set(AwsAccountId=account, DataSetId=identifier, **_set_request(inputs, "UpdateDataSet"))
    _put_refresh_properties(client, account, identifier, refresh)
    return {}


def _read_set(context: Context, id: str, state: dict[str, Any]) -> Found:
    account, identifier = id.split(",")
    client = context.client("quicksight")
    named = {"AwsAccountId": account, "DataSetId": identifier}
    described = client.describe_data_set(**named)["DataSet"]
    found = properties("quicksight", "CreateDataSet", described, _RENAMES)
    for name, key in _KEYED.items():
        found[name] = [{key: word, **block} for word, block in (found[name] or {}).items()]
    found["awsAccountId"] = account
    found["tags"] = tags_of(client.list_tags_for_resource(ResourceArn=described["Arn"]).get("Tags"))
    found["refreshProperties"] = _refresh_properties(client, named)
    return Found(found, {"arn": described["Arn"], "outputColumns": _columns(described)})


def _refresh_properties(client: Any, named: dict[str, str]) -> dict[str, Any] | None:
    try:
        answer = client.describe_data_set_refresh_properties(**named)
    except client.exceptions.ResourceNotFoundException:
        return None
    found: dict[str, Any] = properties("quicksight", "PutDataSetRefreshProperties", answer)["dataSetRefreshProperties"]
    return found


def _delete_set(context: Context, id: str, state: dict[str, Any]) -> None:
    account, identifier = id.split(",")
    context.client("quicksight").delete_data_set(AwsAccountId=account, DataSetId=identifier)


def _of_account(name: str, id: str) -> dict[str, Any]:
    """The AWS provider has a slash in a data source's id and a comma in a data set's; both are taken."""
    account, _, identifier = id.replace("/", ",", 1).partition(",")
    return {"awsAccountId": account, name: identifier, "id": f"{account},{identifier}"}


_retag = tagged("quicksight", lambda it: {"ResourceArn": it["arn"]})

TYPES = {
    "aws:quicksight/dataSource:DataSource": ResourceType(
        _create_source,
        _delete_source,
        _update_source,
        frozenset({"dataSourceId", "awsAccountId", "type"}),
        found_by(
            "quicksight",
            "DescribeDataSource",
            lambda it: {"AwsAccountId": it["awsAccountId"], "DataSourceId": it["dataSourceId"]},
        ),
        _retag,
        _read_source,
        lambda _, id: _of_account("dataSourceId", id),
        unread=frozenset({"credentials", "permissions"}),
        assigned=frozenset({"awsAccountId"}),
    ),
    "aws:quicksight/dataSet:DataSet": ResourceType(
        _create_set,
        _delete_set,
        _update_set,
        frozenset({"dataSetId", "awsAccountId"}),
        found_by(
            "quicksight",
            "DescribeDataSet",
            lambda it: {"AwsAccountId": it["awsAccountId"], "DataSetId": it["dataSetId"]},
        ),
        _retag,
        _read_set,
        lambda _, id: _of_account("dataSetId", id),
        unordered=frozenset({*_KEYED}),
        unread=frozenset({"outputColumns", "permissions", "useAs"}),
        assigned=frozenset({"awsAccountId"}),
    ),
}
