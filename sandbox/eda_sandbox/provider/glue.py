"""The Data Catalog's databases and tables, jobs and security configurations."""

from typing import Any

from eda_sandbox.foundation.cloud import service_model
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.convert import Inputs, properties, to_members
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, found_by
from eda_sandbox.provider.tags import tagged, tags_of

_DATABASE = "aws:glue/catalogDatabase:CatalogDatabase"
_TABLE = "aws:glue/catalogTable:CatalogTable"
_JOB = "aws:glue/job:Job"
_SECURITY = "aws:glue/securityConfiguration:SecurityConfiguration"


def _structure(token: str, name: str, values: dict[str, Any], renames: dict[str, str] | None = None) -> dict[str, Any]:
    shape: Any = service_model("glue").shape_for(name)
    return to_members(token, shape, values, renames or {})


def _database_input(name: str, inputs: Inputs) -> dict[str, Any]:
    return {"Name": name, **_structure(_DATABASE, "DatabaseInput", inputs.left())}


def _create_database(context: Context, inputs: Inputs) -> Created:
    name, catalog = context.auto_name(inputs.take("name")).lower(), inputs.take("catalogId", context.cloud.account)
    tags = inputs.tags()
    context.client("glue").create_database(DatabaseInput=_database_input(name, inputs), Tags=tags)
    return Created(
        f"{catalog}:{name}",
        {"name": name, "arn": context.cloud.arn("glue", f"database/{name}"), "catalogId": catalog},
    )


def _update_database(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    name = id.partition(":")[2]
    for untouched in ("name", "catalogId", "tags", "tagsAll"):
        inputs.take(untouched)
    context.client("glue").update_database(Name=name, DatabaseInput=_database_input(name, inputs))
    return {}


def _read_database(context: Context, id: str, state: dict[str, Any]) -> Found:
    catalog, _, name = id.partition(":")
    glue, arn = context.client("glue"), context.cloud.arn("glue", f"database/{name}")
    found = properties("glue", "DatabaseInput", glue.get_database(Name=name)["Database"])
    tags = tags_of(glue.get_tags(ResourceArn=arn).get("Tags"))
    return Found({**found, "name": name, "catalogId": catalog, "tags": tags}, {"arn": arn})


def _delete_database(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("glue").delete_database(Name=id.partition(":")[2])


def _table_input(inputs: Inputs) -> dict[str, Any]:
    described = _structure(_TABLE, "TableInput", inputs.left())
    # The provider sends no block in which nothing stands (its expandSerDeInfo).
    storage = described.get("StorageDescriptor", {})
    if not any(storage.get("SerdeInfo", {}).values()):
        storage.pop("SerdeInfo", None)
    return described


def _create_table(context: Context, inputs: Inputs) -> Created:
    name, catalog = context.auto_name(inputs.take("name")).lower(), inputs.take("catalogId", context.cloud.account)
    database = inputs.need("databaseName")
    if inputs.take("partitionIndices"):
        raise SandboxError(f"{_TABLE}: the sandbox's catalog has no partition indexes ('partitionIndices')")
    context.client("glue").create_table(DatabaseName=database, TableInput={"Name": name, **_table_input(inputs)})
    return Created(
        f"{catalog}:{database}:{name}",
        {"name": name, "arn": context.cloud.arn("glue", f"table/{database}/{name}"), "catalogId": catalog},
    )


def _update_table(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    database, name = id.split(":")[1:]
    for untouched in ("name", "catalogId", "databaseName", "partitionIndices"):
        inputs.take(untouched)
    context.client("glue").update_table(DatabaseName=database, TableInput={"Name": name, **_table_input(inputs)})
    return {}


def _read_table(context: Context, id: str, state: dict[str, Any]) -> Found:
    catalog, database, name = id.split(":")
    table = context.client("glue").get_table(DatabaseName=database, Name=name)["Table"]
    found = properties("glue", "TableInput", table, {"serDeInfo": "SerdeInfo"})
    arn = context.cloud.arn("glue", f"table/{database}/{name}")
    return Found({**found, "name": name, "databaseName": database, "catalogId": catalog}, {"arn": arn})


def _delete_table(context: Context, id: str, state: dict[str, Any]) -> None:
    database, name = id.split(":")[1:]
    context.client("glue").delete_table(DatabaseName=database, Name=name)


def _create_job(context: Context, inputs: Inputs) -> Created:
    name, tags = context.auto_name(inputs.take("name")), inputs.tags()
    request = inputs.rest("glue", "CreateJob", {"roleArn": "Role"})
    context.client("glue").create_job(Name=name, Tags=tags, **request)
    return Created(name, {"name": name, "arn": context.cloud.arn("glue", f"job/{name}")})


def _update_job(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    for untouched in ("name", "tags", "tagsAll"):
        inputs.take(untouched)
    update = _structure(_JOB, "JobUpdate", inputs.left(), {"roleArn": "Role"})
    context.client("glue").update_job(JobName=id, JobUpdate=update)
    return {}


def _read_job(context: Context, id: str, state: dict[str, Any]) -> Found:
    glue, arn = context.client("glue"), context.cloud.arn("glue", f"job/{id}")
    job = glue.get_job(JobName=id)["Job"]
    found = properties("glue", "CreateJob", job, {"roleArn": "Role"})
    if found["connections"]:
        found["connections"] = found["connections"].get("connections")
    return Found({**found, "name": id, "tags": tags_of(glue.get_tags(ResourceArn=arn).get("Tags"))}, {"arn": arn})


def _delete_job(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("glue").delete_job(JobName=id)


def _create_security_configuration(context: Context, inputs: Inputs) -> Created:
    name, encryption = context.auto_name(inputs.take("name")), inputs.need("encryptionConfiguration")
    inputs.done()
    context.client("glue").create_security_configuration(
        Name=name, EncryptionConfiguration=_structure(_SECURITY, "EncryptionConfiguration", encryption)
    )
    return Created(name, {"name": name})


def _read_security_configuration(context: Context, id: str, state: dict[str, Any]) -> Found:
    answer = context.client("glue").get_security_configuration(Name=id)["SecurityConfiguration"]
    found = properties("glue", "CreateSecurityConfiguration", answer)["encryptionConfiguration"]
    found["s3Encryption"] = next(iter(found.get("s3Encryption") or ()), None)
    return Found({"name": id, "encryptionConfiguration": found})


def _delete_security_configuration(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("glue").delete_security_configuration(Name=id)


def _in_catalog(context: Context, id: str, parts: int) -> str:
    """An id with its catalog, which may be left out where it is the account's."""
    return id if id.count(":") == parts - 1 else f"{context.cloud.account}:{id}"


_retag = tagged("glue", lambda it: {"ResourceArn": it["arn"]})

TYPES = {
    _DATABASE: ResourceType(
        _create_database,
        _delete_database,
        _update_database,
        frozenset({"name", "catalogId"}),
        found_by("glue", "GetDatabase", lambda it: {"Name": it["name"]}),
        _retag,
        _read_database,
        lambda context, id: {"name": id.rpartition(":")[2], "id": _in_catalog(context, id, 2)},
        {"description": ""},
        assigned=frozenset({"catalogId"}),
    ),
    _TABLE: ResourceType(
        _create_table,
        _delete_table,
        _update_table,
        frozenset({"name", "catalogId", "databaseName"}),
        found_by("glue", "GetTable", lambda it: {"DatabaseName": it["databaseName"], "Name": it["name"]}),
        read=_read_table,
        imported=lambda context, id: {
            **dict(zip(("databaseName", "name"), id.split(":")[-2:], strict=False)),
            "id": _in_catalog(context, id, 3),
        },
        defaults={"description": "", "retention": 0},
        unread=frozenset({"partitionIndices"}),
        assigned=frozenset({"catalogId"}),
    ),
    _JOB: ResourceType(
        _create_job,
        _delete_job,
        _update_job,
        frozenset({"name"}),
        found_by("glue", "GetJob", lambda it: {"JobName": it["id"]}),
        _retag,
        _read_job,
        defaults={
            "command": {"name": "glueetl"},
            "description": "",
            "executionProperty": {"maxConcurrentRuns": 1},
            "jobMode": "SCRIPT",
            "maxRetries": 0,
            "timeout": 480,
        },
    ),
    _SECURITY: ResourceType(
        _create_security_configuration,
        _delete_security_configuration,
        exists=found_by("glue", "GetSecurityConfiguration", lambda it: {"Name": it["id"]}),
        read=_read_security_configuration,
        fixed="Glue has no call that changes one",
    ),
}
