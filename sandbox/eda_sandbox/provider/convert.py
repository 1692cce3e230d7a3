"""From Pulumi's property names to the members of an API operation, guided by botocore's shapes."""

import datetime
import difflib
import re
from collections.abc import Collection, Mapping
from typing import Any

from botocore import xform_name
from botocore.model import ListShape, MapShape, Shape, StructureShape

from eda_sandbox.foundation.cloud import service_model
from eda_sandbox.foundation.errors import SandboxError


class UnknownProperty(SandboxError):
    """A resource has a property that the provider does not know."""

    def __init__(self, token: str, path: str, known: list[str]) -> None:
        near = difflib.get_close_matches(path.rpartition(".")[2], known, 1)
        self.path = path
        hint = f"; is {near[0]!r} meant?" if near else ""
        super().__init__(f"{token}: the sandbox's provider does not know the property {path!r}{hint}")


class MissingProperty(SandboxError):
    """A resource lacks a property that it cannot be made without."""

    def __init__(self, token: str, name: str) -> None:
        self.name = name
        super().__init__(f"{token}: the property {name!r} is missing")


class Inputs:
    """The inputs of one resource; what nobody takes is an error, so that nothing is ignored.

    Args:
        token: the resource's type, for errors.
        values: properties as Pulumi spells them (camel case), resolved.
    """

    def __init__(self, token: str, values: Mapping[str, Any]) -> None:
        self._token = token
        self._values = {key: value for key, value in values.items() if value is not None}
        self._known: list[str] = []
        # Every resource of the AWS provider has it; the sandbox has one region.
        self.region = self.take("region")

    def take(self, name: str, default: Any = None) -> Any:
        """A property, which then counts as used."""
        self._known.append(name)
        return self._values.pop(name, default)

    def need(self, name: str) -> Any:
        """A property that has to be there.

        Raises:
            MissingProperty: it is not.
        """
        value = self.take(name)
        if value is None:
            raise MissingProperty(self._token, name)
        return value

    def tags(self) -> dict[str, str]:
        """The resource's tags."""
        return {**(self.take("tagsAll") or {}), **(self.take("tags") or {})}

    def done(self) -> None:
        """Check that every property was taken.

        Raises:
            UnknownProperty: one was not.
        """
        if self._values:
            raise UnknownProperty(self._token, next(iter(self._values)), self._known)

    def left(self) -> dict[str, Any]:
        """All properties that nobody took yet; they count as taken."""
        left, self._values = self._values, {}
        return left

    def rest(self, service: str, operation: str, renames: Mapping[str, str] | None = None) -> dict[str, Any]:
        """All properties that are left, as parameters of an operation.

        Args:
            service: boto3's name.
            operation: as the API model spells it.
            renames: where the names differ in more than case: Pulumi's to the API's.

        Raises:
            UnknownProperty: the operation has no such member.
        """
        shape = service_model(service).operation_model(operation).input_shape
        if shape is None:
            raise SandboxError(f"{service}:{operation} takes no parameters")
        return to_members(self._token, shape, self.left(), renames or {})

    def rest_as(
        self, service: str, operation: str, member: str, renames: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """All properties that are left, as the one structure that an operation takes as a member.

        Raises:
            UnknownProperty: the structure has no such member.
        """
        request = service_model(service).operation_model(operation).input_shape
        assert request is not None
        shape = request.members[member]
        assert isinstance(shape, StructureShape)
        return {member: to_members(self._token, shape, self.left(), renames or {})}


def to_members(
    token: str, shape: StructureShape, values: Mapping[str, Any], renames: Mapping[str, str], path: str = ""
) -> dict[str, Any]:
    """A Pulumi object as a structure of an API model.

    Raises:
        UnknownProperty: the structure has no such member.
    """
    members = {_plain(name): name for name in shape.members}
    converted = {}
    for key, value in values.items():
        if value is None:
            continue
        name = renames.get(key) or members.get(_plain(key))
        if name is None:
            raise UnknownProperty(token, path + key, [*renames, *shape.members])
        converted[name] = _to_shape(token, shape.members[name], value, renames, f"{path}{key}.")
    return converted


def _to_shape(token: str, shape: Shape, value: Any, renames: Mapping[str, str], path: str) -> Any:
    if isinstance(shape, StructureShape):
        # A block that may stand once arrives as a list of one in some resources.
        block = value[0] if isinstance(value, list) and len(value) == 1 else value
        return to_members(token, shape, block, renames, path)
    if isinstance(shape, ListShape):
        if isinstance(value, Mapping) and _is_pairs(shape):
            return pairs(value, *sorted(shape.member.members))  # type: ignore[attr-defined]  # a structure, as checked
        items = value if isinstance(value, list) else [value]
        return [_to_shape(token, shape.member, item, renames, path) for item in items]
    if isinstance(shape, MapShape):
        return {key: _to_shape(token, shape.value, item, renames, path) for key, item in value.items()}
    if shape.type_name in ("integer", "long"):
        return int(value)
    if shape.type_name in ("float", "double"):
        return float(value)
    if shape.type_name == "boolean" and isinstance(value, str):
        return value.lower() in ("true", "enabled")
    if shape.type_name == "string" and not isinstance(value, str):
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return value


def properties(
    service: str,
    of: str,
    described: Mapping[str, Any],
    renames: Mapping[str, str] | None = None,
    maps: Collection[str] = (),
) -> dict[str, Any]:
    """What a service says of a resource, as properties that a program gives: ``Inputs.rest`` run backwards.

    Args:
        service: boto3's name.
        of: the operation that makes the resource, or the structure that it takes: its members are the properties. None
            stands for one that is not described.
        described: the members that the service shows.
        renames: as for ``Inputs.rest``.
        maps: members that are lists of pairs and stand for a map.
    """
    model = service_model(service)
    shape = model.operation_model(of).input_shape if of in model.operation_names else model.shape_for(of)
    assert isinstance(shape, StructureShape)
    spelt = {api: name for name, api in (renames or {}).items()}
    return {
        spelt.get(name) or property_name(name): _from_shape(inner, described.get(name), spelt, name in maps)
        for name, inner in shape.members.items()
    }


def property_name(member: str) -> str:
    """A member's name as Pulumi spells it."""
    # Names of products are one word, as Terraform spells them.
    head, *rest = xform_name(re.sub("(Cloud|Dynamo|Event|Sage)(Watch|DB|Bridge|Maker)", _one_word, member)).split("_")
    return head + "".join(word.capitalize() for word in rest)


def _one_word(name: re.Match[str]) -> str:
    return name.group().capitalize()


def _from_shape(shape: Shape, value: Any, spelt: Mapping[str, str], is_map: bool = False) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        return {
            spelt.get(name) or property_name(name): _from_shape(inner, value[name], spelt)
            for name, inner in shape.members.items()
            if name in value
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        if is_map:
            key, content = sorted(shape.member.members)  # type: ignore[attr-defined]  # a structure, as is said
            return {pair[key]: pair[content] for pair in value}
        return [_from_shape(shape.member, item, spelt) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {key: _from_shape(shape.value, item, spelt) for key, item in value.items()}
    return value.isoformat() if isinstance(value, datetime.datetime) else value


def pairs(values: Mapping[str, Any], key: str = "Key", value: str = "Value") -> list[dict[str, Any]]:
    """A map as the list of pairs that many services take tags and dimensions in."""
    return [{key: name, value: content} for name, content in values.items()]


def _is_pairs(shape: ListShape) -> bool:
    member = shape.member
    return isinstance(member, StructureShape) and {_plain(name) for name in member.members} in (
        {"key", "value"},
        {"name", "value"},
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
