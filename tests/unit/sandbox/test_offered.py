"""What is declared as offered names what AWS's API has."""

from collections.abc import Iterator

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from eda_sandbox import offering
from eda_sandbox.foundation.cloud import service_model
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.offered import EVERYTHING, Offered

OPERATIONS = [(offered, name) for offered in offering.everything().values() for name in offered.operations]


def missing(shape: Shape | None, path: str) -> Iterator[str]:
    """What of a path the API's model has not."""
    for name in path.split("."):
        while isinstance(shape, ListShape):
            shape = shape.member
        if isinstance(shape, MapShape):
            shape = shape.value
        elif isinstance(shape, StructureShape) and name in shape.members:
            shape = shape.members[name]
        else:
            yield name
            return


@pytest.mark.parametrize(
    ("offered", "operation"), OPERATIONS, ids=[f"{one.service}-{name}" for one, name in OPERATIONS]
)
def test_a_declaration_names_members_of_the_operation(offered: Offered, operation: str) -> None:
    shape = service_model(offered.service).operation_model(operation).input_shape
    for path in offered.named(operation):
        assert path == EVERYTHING or not list(missing(shape, path)), path


THINGS = Offered(
    "events",
    "ValidationException",
    {
        "PutThing": "Name State=ON|OFF Target.Arn ~Note Kept -Kept.Inside",
        "PutAll": "* -Left",
        "Get": "",
    },
)


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("PutThing", {"Name": "n", "State": "ON", "Target": {"Arn": "a"}, "Note": {"x": 1}, "Kept": [{"Other": 1}]}),
        ("PutThing", {"Other": False, "More": [], "Kept": [{"Inside": None}]}),
        ("PutAll", {"Anything": {"at": "all"}}),
        ("Get", {}),
    ],
)
def test_what_is_offered_passes(operation: str, given: dict[str, object]) -> None:
    THINGS.check(operation, given)


@pytest.mark.parametrize(
    ("operation", "given", "message"),
    [
        ("PutThing", {"Other": 1}, "PutThing: Other is not offered by the sandbox"),
        ("PutThing", {"State": "HALF"}, "PutThing: State HALF is not offered by the sandbox; it offers OFF, ON"),
        ("PutThing", {"Target": {"Role": "r"}}, "PutThing: Target.Role is not offered by the sandbox"),
        ("PutThing", {"Kept": [{}, {"Inside": ""}]}, "PutThing: Kept.Inside is not offered by the sandbox"),
        ("PutAll", {"Left": "x"}, "PutAll: Left is not offered by the sandbox"),
        ("Get", {"Name": "x"}, "Get: Name is not offered by the sandbox"),
        ("Delete", {}, "events:Delete is not offered by the sandbox"),
    ],
)
def test_what_is_not_offered_is_refused_by_name(operation: str, given: dict[str, object], message: str) -> None:
    with pytest.raises(AwsError) as refused:
        THINGS.check(operation, given)
    assert refused.value.message == message
