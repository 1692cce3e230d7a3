"""The wheel, installed outside the repository, deploys every component: here the whole pipeline, and an order runs."""

import runpy
import shutil
from pathlib import Path

import pulumi_aws_eda
import pytest
from botocore.credentials import Credentials
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.provider.deploy import Stack, deploy
from pulumi_aws_eda.testing import record

from pipeline import documents
from pipeline.demo.client import OrdersClient
from pipeline.demo.external_api import ExternalApi
from tests.packages.wheels import install, wheel
from tests.unit.component_cases import CASES
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed wheel alone."""
    folder = tmp_path_factory.mktemp("wheel")
    return install([wheel("components", folder)], folder / "site")


@pytest.fixture(scope="module")
def stack(aws: Sandbox, external: ExternalApi, site: Path, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    project = tmp_path_factory.mktemp("project")
    for name in ("pipeline", "functions"):
        shutil.copytree(ROOT / name, project / name)
    shutil.copy(ROOT / "Pulumi.yaml", project)
    shutil.copy(ROOT / "Pulumi.sandbox.yaml", project / "Pulumi.wheel.yaml")
    program = (ROOT / "__main__.py").read_text()
    told = (
        'import eda_runtime, pulumi_aws_eda\npulumi.export("code", [pulumi_aws_eda.__file__, eda_runtime.__file__])\n'
    )
    (project / "__main__.py").write_text(program + told)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site))
        # Archives that the repository's own packages made must not stand in for the wheel's.
        patch.setenv("XDG_CACHE_HOME", str(project / "cache"))
        config = {"external_api_url": external.url, "encryption_key": "true"}
        return deploy(aws.cloud, project / "__main__.py", "wheel", config)


def test_the_wheel_deploys_every_component_of_the_pipeline(stack: Stack, site: Path) -> None:
    assert all(file.startswith(str(site)) for file in stack.outputs["code"])
    assert not str(pulumi_aws_eda.__file__).startswith(str(site))
    config = {
        **documents.config("sandbox"),
        "orders:external_api_url": "http://127.0.0.1:8080",
        "orders:encryption_key": "true",
    }
    program = str(ROOT / "__main__.py")
    planned = record(lambda: runpy.run_path(program), config, project="orders", stack="wheel")
    components = {found.type.rpartition(":")[2] for found in planned.resources if found.type.startswith("aws-eda:")}
    # The pipeline has no bus and no topic of its own.
    assert components == set(CASES) - {"EventBus", "FanOut"}
    assert {(token, name) for token, name, *_ in stack.resources} == planned.names()


def test_an_order_runs_on_what_the_wheel_deployed(stack: Stack) -> None:
    client = OrdersClient(stack.outputs["api_url"], Credentials(ROOT_KEY, ROOT_SECRET), REGION)
    accepted = client.post_order("wheel-1", {"customer": "c-001", "sku": "SKU-0001", "quantity": 1})
    assert accepted.status == 202, accepted.body
    order_id = accepted.body["order_id"]
    details = {"address": "Lindenstrasse 1, 10969 Berlin", "delivery_date": "2027-01-15"}
    assert client.post_details(order_id, details).status == 202
    wait_until(lambda: client.get_order(order_id).body["status"] == "COMPLETED", "the order is completed")
