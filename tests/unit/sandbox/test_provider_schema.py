"""The provider's schema, which is made of the SDK's classes."""

import json
import sys
from typing import Any

import pytest
from eda_sandbox.provider.schema import schema
from eda_sandbox.provider.table import TABLE

FUNCTION = "aws:lambda/function:Function"


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(schema("7.0.0", tuple(TABLE)))
    return made


def test_each_type_is_in_it_with_its_blocks(found: dict[str, Any]) -> None:
    assert set(found["resources"]) == set(TABLE)
    told = json.dumps(found["resources"]) + json.dumps(found["types"])
    assert {f'"#/types/{name}"' in told for name in found["types"]} == {True}


def test_properties_have_the_types_that_the_sdk_says(found: dict[str, Any]) -> None:
    function = found["resources"][FUNCTION]
    assert function["requiredInputs"] == ["role"]
    inputs = function["inputProperties"]
    assert inputs["memorySize"] == {"type": "integer"}
    assert inputs["code"] == {"$ref": "pulumi.json#/Archive"}
    assert inputs["layers"] == {"type": "array", "items": {"type": "string"}}
    block = inputs["environment"]["$ref"].removeprefix("#/types/")
    variables = {"type": "object", "additionalProperties": {"type": "string"}}
    assert found["types"][block]["properties"] == {"variables": variables}
    assert "arn" in function["properties"]
    assert "arn" not in inputs


def test_a_resource_is_told_from_a_block_of_its_name(found: dict[str, Any]) -> None:
    versioning = found["resources"]["aws:s3/bucketVersioning:BucketVersioning"]
    assert versioning["requiredInputs"] == ["bucket", "versioningConfiguration"]


def test_without_the_sdk_it_has_no_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pulumi_aws", None)
    assert "resources" not in json.loads(schema("7.0.1", tuple(TABLE)))
