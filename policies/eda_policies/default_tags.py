"""The tags that a provider gives every resource: the real one puts them into the inputs that policies see."""

import json
from collections.abc import Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from eda_policies.recording import Recording

_PROVIDER = "pulumi:providers:aws"


class DefaultTags:
    """Default tags by provider.

    Args:
        recording: what a program registered, and its config, which is the default provider's.
    """

    def __init__(self, recording: Recording) -> None:
        self._by_provider = {
            response.urn: _tags(MessageToDict(request.object).get("defaultTags"))
            for request, response in recording.registrations
            if request.type == _PROVIDER
        }
        self._default = _tags(recording.config.get("aws:defaultTags"))

    def inputs(self, request: Any) -> Struct:
        """The inputs of a registration as the provider checks them."""
        urn = request.provider.rpartition("::")[0]
        tags = self._by_provider.get(urn, {}) if urn else self._default
        if not tags or not request.type.startswith("aws:"):
            given: Struct = request.object
            return given
        made = Struct()
        made.CopyFrom(request.object)
        made.update({"tagsAll": tags})
        if "tags" in request.object.fields:
            made.fields["tagsAll"].struct_value.MergeFrom(request.object.fields["tags"].struct_value)
        return made


def _tags(given: Any) -> Mapping[str, Any]:
    """The tags of a provider's or the config's ``defaultTags``, which may be a JSON text."""
    found = json.loads(given) if isinstance(given, str) else given
    tags = found.get("tags") if isinstance(found, Mapping) else None
    return tags if isinstance(tags, Mapping) else {}
