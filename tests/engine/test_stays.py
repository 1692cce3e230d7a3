"""With the real engine: what holds data stays, whatever is changed or renamed around it, until somebody means it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.server import serve
from eda_sandbox.session import Session, command_environment

from tests.conftest import ROOT
from tests.engine.every_kind import CONFIG
from tests.engine.project import WITH_ENGINE, Project, new_project
from tests.unit.test_stays import HOLDS_DATA, MACHINE

pytestmark = WITH_ENGINE
HANDLER = "def handle(event, context):\n    return {{'answer': {!r}}}\n"
MADE_ANEW = {
    "aws:apigateway/deployment:Deployment",
    "aws:lambda/invocation:Invocation",
    "aws:lambda/permission:Permission",
}
"""Types that AWS cannot change: of one document, one call, one source."""


WRAPPED = """
import pulumi
from pulumi_aws_eda import PayloadStore


class Shop(pulumi.ComponentResource):
    def __init__(self, name, aliases, inner):
        super().__init__("shop:index:Shop", name, {}, pulumi.ResourceOptions(aliases=aliases))
        PayloadStore(f"{name}-store", {}, pulumi.ResourceOptions(parent=self, aliases=inner))


"""


class Stays:
    """The stack that the tests change one after the other, and the data in it."""

    def __init__(self, project: Project, aws: Sandbox) -> None:
        self.project, self.aws = project, aws
        self.config: dict[str, Any] = {}

    def code(self, answer: str) -> None:
        """Give the functions other code."""
        folder = self.project.folder / "code"
        folder.mkdir(exist_ok=True)
        (folder / "handler.py").write_text(HANDLER.format(answer))

    def change(self, **config: Any) -> None:
        """Change the config of the stack."""
        self.config |= config
        self.project.configure(config=json.dumps(self.config))

    def prefix(self, prefix: str) -> None:
        """Say what names on AWS begin with."""
        self.project.pulumi("config", "set", "aws-eda:namePrefix", prefix, "--stack", self.project.stack)

    def put_data(self) -> None:
        """Leave something wherever the stack keeps data."""
        outputs = self.project.outputs()
        dynamodb, s3 = self.aws.client("dynamodb"), self.aws.client("s3")
        for table in ("rows", "callbacks", "cache"):
            dynamodb.put_item(TableName=outputs[table], Item={"id": {"S": "kept"}})
        for bucket in ("payloads", "raw", "curated"):
            s3.put_object(Bucket=outputs[bucket], Key="kept", Body=b"kept")

    def data(self) -> list[Any]:
        """What ``put_data`` left, and the password of the warehouse's reader."""
        outputs = self.project.outputs()
        dynamodb, s3 = self.aws.client("dynamodb"), self.aws.client("s3")
        rows = [
            dynamodb.get_item(TableName=outputs[table], Key={"id": {"S": "kept"}}).get("Item")
            for table in ("rows", "callbacks", "cache")
        ]
        objects = [
            s3.get_object(Bucket=outputs[bucket], Key="kept")["Body"].read()
            for bucket in ("payloads", "raw", "curated")
        ]
        secret = self.aws.client("secretsmanager").get_secret_value(SecretId=outputs["secret"])
        return [*rows, *objects, secret["SecretString"]]

    def ids(self) -> dict[tuple[str, str], str]:
        """The resources on AWS, by type and logical name."""
        return {
            (each["type"], each["urn"].rpartition("::")[2]): each["id"]
            for each in self.project.resources().values()
            if each["type"].startswith("aws:")
        }


@pytest.fixture(scope="module")
def stays(aws: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stays]:
    folder = tmp_path_factory.mktemp("stays")
    new_project(folder, "stays", "from tests.engine.every_kind import program\n\nprogram()\n")
    with serve(aws.cloud, folder=folder) as port, command_environment(Session(aws, port), os.environ) as environment:
        path = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH"))))
        made = Stays(Project(folder, {**environment, "PYTHONPATH": path}, "one"), aws)
        made.code("first")
        made.project.pulumi("stack", "init", "one")
        made.project.up()
        made.put_data()
        yield made


def kept(ids: dict[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Those that hold data."""
    return {key: id for key, id in ids.items() if key[0] in HOLDS_DATA | {MACHINE}}


def test_a_second_preview_shows_no_change(stays: Stays) -> None:
    assert {key[0] for key in stays.ids()} >= HOLDS_DATA | {MACHINE}
    stays.project.is_settled()
    stays.project.is_as_known()


def test_every_change_is_made_in_place(stays: Stays) -> None:
    """All at once, as a release brings them; what is new comes beside what is there."""
    before, data, outputs = stays.ids(), stays.data(), stays.project.outputs()
    stays.code("second")
    routes = [*CONFIG["routes"], "GET /things/{id}/parts", "POST /things"]
    columns = [*CONFIG["columns"], "colour"]
    stays.change(memory=256, tag="second", routes=routes, wait=7200, columns=columns)
    stays.project.up()
    after = stays.ids()
    gone = {key: id for key, id in before.items() if after.get(key) != id}
    assert {key[0] for key in gone} <= MADE_ANEW
    assert stays.data() == data
    function = stays.aws.client("lambda").get_function(FunctionName=outputs["function"])
    assert (function["Configuration"]["MemorySize"], function["Tags"]["team"]) == (256, "second")
    invoked = stays.aws.client("lambda").invoke(FunctionName=outputs["function"], Payload=b'{"body": "{}"}')
    assert json.loads(invoked["Payload"].read())["answer"] == "second"
    machine = stays.aws.client("stepfunctions").describe_state_machine(stateMachineArn=outputs["machine"])
    assert "7200" in machine["definition"]
    database, table = outputs["catalog"]
    described = stays.aws.client("glue").get_table(DatabaseName=database, Name=table)["Table"]
    assert "colour" in {column["Name"] for column in described["StorageDescriptor"]["Columns"]}
    stays.project.is_settled()
    stays.project.is_as_known()


def test_what_is_taken_back_is_made_in_place_too(stays: Stays) -> None:
    before, data = stays.ids(), stays.data()
    stays.code("first")
    stays.change(**{name: CONFIG[name] for name in ("memory", "tag", "routes", "wait", "columns")})
    stays.project.up()
    assert kept(stays.ids()) == kept(before)
    assert stays.data() == data
    stays.project.is_settled()


def test_a_rename_of_every_component_with_an_alias_changes_nothing(stays: Stays) -> None:
    before, data = stays.ids(), stays.data()
    stays.change(renamed=True)
    stays.project.is_settled()
    stays.project.up()
    components = {urn.rpartition("::")[2] for urn, each in stays.project.resources().items() if not each.get("custom")}
    assert {"new-worker", "new-flow", "new-lake", "new-records"} <= components
    assert stays.ids() == before
    assert stays.data() == data
    stays.project.is_settled()


def test_a_second_stack_lives_beside_the_first_and_is_brought_up_after_an_interruption(stays: Stays) -> None:
    before, data = stays.ids(), stays.data()
    second = Project(stays.project.folder, stays.project.environment, "two")
    second.pulumi("stack", "init", "two")
    queues = stays.aws.client("sqs")
    second.interrupted(lambda: queues.list_queues(QueueNamePrefix="stays-two-").get("QueueUrls"))
    begun = {urn: each["id"] for urn, each in second.resources().items() if each.get("custom")}
    assert 0 < len(begun) < len(before)
    second.up()
    finished = {urn: each["id"] for urn, each in second.resources().items() if each.get("custom")}
    assert begun.items() <= finished.items()
    second.is_settled()
    here = {each["id"] for each in second.resources().values() if each["type"] in HOLDS_DATA | {MACHINE}}
    assert here.isdisjoint(before.values())
    second.destroy()
    assert second.resources() == {}
    assert stays.ids() == before
    assert stays.data() == data
    stays.project.is_settled()


def test_a_renamed_stack_keeps_its_names(stays: Stays) -> None:
    before, data = stays.ids(), stays.data()
    stays.project.pulumi("stack", "rename", "live", "--stack", "one")
    stays.project.stack = "live"
    stays.prefix("stays-one")
    stays.project.is_settled()
    stays.project.up()
    assert stays.ids() == before
    assert stays.data() == data


def test_a_protected_stack_refuses_before_anything_is_lost(stays: Stays) -> None:
    before, data = stays.ids(), stays.data()
    stays.change(protected=True)
    stays.project.up()
    assert stays.ids() == before
    said = stays.project.pulumi("destroy", "--yes", "--stack", stays.project.stack, succeeds=False)
    assert "it is protected" in said
    assert stays.ids() == before
    stays.prefix("other")
    # Without its preview the engine replaces what is not protected before it says so, and the names stay taken.
    said = stays.project.pulumi("up", "--yes", "--stack", stays.project.stack, succeeds=False)
    assert "marked for protection" in said
    assert stays.ids() == before
    stays.prefix("stays-one")
    stays.project.up()
    assert kept(stays.ids()) == kept(before)
    assert stays.data() == data
    stays.project.is_settled()


def test_a_destroy_that_was_not_previewed_leaves_the_data_and_is_made_up_for(stays: Stays) -> None:
    """Without its preview the engine deletes all around what is protected before it says so."""
    stays.change(protected=True)
    stays.project.up()
    before, data = stays.ids(), stays.data()
    assert "it is protected" in stays.project.destroy(succeeds=False)
    assert kept(stays.ids()) == kept(before)
    stays.project.up()
    assert stays.data() == data
    assert stays.ids().keys() == before.keys()
    stays.project.is_settled()


def test_without_protection_a_destroy_stops_at_buckets_with_data_and_ends_when_they_are_empty(stays: Stays) -> None:
    stays.change(protected=False)
    stays.project.up()
    buckets = [each["id"] for each in stays.project.of_type("aws:s3/bucket:Bucket")]
    stays.project.destroy(succeeds=False)
    s3 = stays.aws.client("s3")
    left = {each["id"] for each in stays.project.of_type("aws:s3/bucket:Bucket")}
    for bucket in left:
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        versions = s3.list_object_versions(Bucket=bucket)
        for version in [*versions.get("Versions", []), *versions.get("DeleteMarkers", [])]:
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    assert left
    stays.project.destroy()
    assert stays.project.resources() == {}
    assert not set(buckets) & {found["Name"] for found in s3.list_buckets()["Buckets"]}


def test_a_component_within_one_that_is_renamed_keeps_its_names_by_an_alias_of_its_own(
    aws: Sandbox, tmp_path: Path
) -> None:
    with serve(aws.cloud, folder=tmp_path) as port, command_environment(Session(aws, port), os.environ) as environment:
        shop = Project(tmp_path, environment, "one")
        new_project(tmp_path, "wrapped", f'{WRAPPED}Shop("old", [], [])\n')
        shop.pulumi("stack", "init", "one")
        shop.up()
        [bucket] = [each["id"] for each in shop.of_type("aws:s3/bucket:Bucket")]
        aliases = '[pulumi.Alias(name="old")], [pulumi.Alias(name="old-store")]'
        new_project(tmp_path, "wrapped", f'{WRAPPED}Shop("new", {aliases})\n')
        shop.is_settled()
        shop.up()
        assert [each["id"] for each in shop.of_type("aws:s3/bucket:Bucket")] == [bucket]
        shop.destroy()
