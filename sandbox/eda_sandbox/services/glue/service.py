"""The API of AWS Glue."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from botocore import xform_name

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.service import Service
from eda_sandbox.services.glue.catalog import Catalog
from eda_sandbox.services.glue.jobs import Jobs
from eda_sandbox.services.glue.logs import PRINCIPAL
from eda_sandbox.services.glue.offered import OFFERED
from eda_sandbox.services.glue.security import SecurityConfigurations
from eda_sandbox.services.glue.tags import Tags


class Glue(Service):
    """The Data Catalog, Python shell jobs and security configurations."""

    name = "glue"
    principal = PRINCIPAL
    roles: ClassVar[Mapping[str, Sequence[str]]] = {"CreateJob": ("Role",), "UpdateJob": ("JobUpdate.Role",)}
    offered = OFFERED

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tags = Tags()
        self._catalog = Catalog(cloud, self._tags)
        self._security = SecurityConfigurations(cloud)
        self._jobs = Jobs(cloud, self._security, self._tags)

    def stop(self) -> None:
        """End the jobs' processes."""
        self._jobs.close()

    def operation(self, name: str) -> Callable[[dict[str, Any], Caller], dict[str, Any]] | None:
        """The method that serves an operation; the catalog, jobs and security configurations have theirs."""
        own = super().operation(name)
        if own is not None:
            return own
        for part in (self._catalog, self._jobs, self._security):
            method: Callable[[dict[str, Any]], dict[str, Any]] | None = getattr(part, xform_name(name), None)
            if method is not None:
                return partial(_call, method)
        return None

    def resource_arns(self, operation: str, request: dict[str, Any]) -> list[str]:
        """The catalog, the database and the table; or the job."""
        if "ResourceArn" in request:
            return [request["ResourceArn"]]
        if "SecurityConfiguration" in operation:
            return ["*"]
        part = self._jobs if "Job" in operation else self._catalog
        return part.resource_arns(operation, request)

    def tag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """TagResource."""
        self._tags.put(request["ResourceArn"], request["TagsToAdd"])
        return {}

    def untag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UntagResource."""
        self._tags.take(request["ResourceArn"], request["TagsToRemove"])
        return {}

    def get_tags(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetTags."""
        return {"Tags": self._tags.of(request["ResourceArn"])}


def _call(
    method: Callable[[dict[str, Any]], dict[str, Any]], request: dict[str, Any], caller: Caller
) -> dict[str, Any]:
    del caller
    return method(request)
