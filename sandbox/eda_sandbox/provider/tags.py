"""Tags of resources that exist: every service has its own calls for them, all of one form."""

from collections.abc import Mapping
from typing import Any

from botocore import xform_name
from botocore.model import ListShape, MapShape, StructureShape

from eda_sandbox.foundation.cloud import service_model
from eda_sandbox.provider.convert import pairs
from eda_sandbox.provider.resource import Context, Parameters, Retag


def tagged(service: str, where: Parameters, tag: str = "TagResource", untag: str = "UntagResource") -> Retag:
    """How the tags of a type are changed.

    Args:
        service: boto3's name.
        where: the members that name the resource, from its id and state.
        tag: the operation that adds tags, as the API model spells it.
        untag: the operation that removes tags by their keys.
    """

    def retag(
        context: Context, id: str, state: dict[str, Any], before: Mapping[str, str], after: Mapping[str, str]
    ) -> None:
        named, client = where({**state, "id": id}), context.client(service)
        removed = sorted(before.keys() - after.keys())
        changed = {key: value for key, value in after.items() if before.get(key) != value}
        if removed:
            member, _ = _member(service, untag, named)
            getattr(client, xform_name(untag))(**named, **{member: removed})
        if changed:
            member, shape = _member(service, tag, named)
            given: Any = changed if isinstance(shape, MapShape) else pairs(changed, *sorted(shape.member.members))
            getattr(client, xform_name(tag))(**named, **{member: given})

    return retag


def tags_of(answer: Any) -> dict[str, str]:
    """The tags that a service shows as a map or as pairs; those that AWS itself sets do not count."""
    found = answer or {}
    if not isinstance(found, Mapping):
        found = dict(tuple(pair[key] for key in sorted(pair)) for pair in found)
    return {key: value for key, value in found.items() if not key.startswith("aws:")}


def _member(service: str, operation: str, named: Mapping[str, Any]) -> tuple[str, Any]:
    """The member of an operation that holds the tags or their keys, and its shape."""
    shape = service_model(service).operation_model(operation).input_shape
    assert isinstance(shape, StructureShape)
    return next(
        (name, member)
        for name, member in shape.members.items()
        if name not in named and isinstance(member, MapShape | ListShape)
    )
