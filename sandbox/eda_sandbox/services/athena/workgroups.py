"""Workgroups: their configuration, and what a query in one may say for itself."""

import threading
from datetime import datetime
from typing import Any

from eda_sandbox.foundation.errors import AwsError

PRIMARY = "primary"
ENGINE = "Athena engine version 3"
_ENGINES = ("AUTO", ENGINE)
_OFFERED = (
    "ResultConfiguration",
    "EnforceWorkGroupConfiguration",
    "PublishCloudWatchMetricsEnabled",
    "BytesScannedCutoffPerQuery",
    "RequesterPaysEnabled",
    "EngineVersion",
)
_RESULT_MEMBERS = ("OutputLocation", "EncryptionConfiguration", "ExpectedBucketOwner", "AclConfiguration")


def invalid(message: str, code: str = "INVALID_INPUT") -> AwsError:
    """The error for a request that Athena does not take."""
    return AwsError("InvalidRequestException", message, AthenaErrorCode=code)


class Workgroup:
    """A workgroup.

    Attributes:
        name: its name.
        state: ``ENABLED`` or ``DISABLED``.
        configuration: as ``GetWorkGroup`` returns it.
        description: its description.
        tags: its tags.
    """

    def __init__(self, name: str, request: dict[str, Any], created: datetime) -> None:
        self.name = name
        self.state = "ENABLED"
        self.description = request.get("Description", "")
        self.created = created
        self.tags = {tag["Key"]: tag.get("Value", "") for tag in request.get("Tags", [])}
        self.configuration: dict[str, Any] = {
            "ResultConfiguration": {},
            "EnforceWorkGroupConfiguration": True,
            "PublishCloudWatchMetricsEnabled": False,
            "RequesterPaysEnabled": False,
        }
        self._take(request.get("Configuration", {}))

    @property
    def enforced(self) -> bool:
        """Whether its settings hold whatever a query says."""
        return bool(self.configuration["EnforceWorkGroupConfiguration"])

    @property
    def cutoff(self) -> int | None:
        """Bytes that a query may scan."""
        return self.configuration.get("BytesScannedCutoffPerQuery")

    def update(self, request: dict[str, Any]) -> None:
        """UpdateWorkGroup."""
        updates = dict(request.get("ConfigurationUpdates", {}))
        results = dict(self.configuration["ResultConfiguration"])
        for name, value in updates.pop("ResultConfigurationUpdates", {}).items():
            if not name.startswith("Remove"):
                results[name] = value
            elif value:
                results.pop(_removed(name), None)
        remove_cutoff = updates.pop("RemoveBytesScannedCutoffPerQuery", False)
        self._take({**updates, "ResultConfiguration": results})
        if remove_cutoff:
            self.configuration.pop("BytesScannedCutoffPerQuery", None)
        self.description = request.get("Description", self.description)
        self.state = request.get("State", self.state)

    def results(self, given: dict[str, Any]) -> dict[str, Any]:
        """Where and how a query's results are written.

        Args:
            given: the query's own ``ResultConfiguration``.

        Raises:
            AwsError: nobody says where.
        """
        own = self.configuration["ResultConfiguration"]
        if not self.enforced:
            check_results(given)
        chosen = dict(own) if self.enforced else {**own, **given}
        if not chosen.get("OutputLocation"):
            raise invalid(
                "No output location provided. An output location is required either through the Workgroup result "
                "configuration setting or as an API input."
            )
        return chosen

    def described(self) -> dict[str, Any]:
        """As ``GetWorkGroup`` returns it."""
        selected = self.configuration.get("EngineVersion", {}).get("SelectedEngineVersion", "AUTO")
        version = {"SelectedEngineVersion": selected, "EffectiveEngineVersion": ENGINE}
        return {
            "Name": self.name,
            "State": self.state,
            "Description": self.description,
            "CreationTime": self.created,
            "Configuration": {**self.configuration, "EngineVersion": version},
        }

    def summary(self) -> dict[str, Any]:
        """As ``ListWorkGroups`` returns it."""
        described = self.described()
        version = described["Configuration"]["EngineVersion"]
        return {
            "Name": self.name,
            "State": self.state,
            "Description": self.description,
            "CreationTime": self.created,
            "EngineVersion": version,
        }

    def _take(self, configuration: dict[str, Any]) -> None:
        other = next((name for name in configuration if name not in _OFFERED), None)
        if other is not None:
            raise invalid(f"the sandbox's workgroups have no {other}")
        check_results(configuration.get("ResultConfiguration", {}))
        engine = configuration.get("EngineVersion", {}).get("SelectedEngineVersion", "AUTO")
        if engine not in _ENGINES:
            raise invalid(f"SelectedEngineVersion is one of {', '.join(_ENGINES)}: {engine}")
        self.configuration.update(configuration)


class Workgroups:
    """All workgroups; ``primary`` is always there.

    Args:
        created: when that one was made.
    """

    def __init__(self, created: datetime) -> None:
        self._lock = threading.RLock()
        primary = {"Configuration": {"EnforceWorkGroupConfiguration": False}}
        self._known = {PRIMARY: Workgroup(PRIMARY, primary, created)}

    def create(self, request: dict[str, Any], created: datetime) -> None:
        """Make one.

        Raises:
            AwsError: it exists, or its configuration is not valid.
        """
        name = request["Name"]
        with self._lock:
            if name in self._known:
                raise invalid("WorkGroup is already created")
            self._known[name] = Workgroup(name, request, created)

    def named(self, name: str) -> Workgroup:
        """A workgroup.

        Raises:
            AwsError: it does not exist.
        """
        with self._lock:
            found = self._known.get(name)
        if found is None:
            raise invalid(f"WorkGroup {name} is not found.")
        return found

    def all(self) -> list[Workgroup]:
        """All of them, by name."""
        with self._lock:
            return sorted(self._known.values(), key=lambda workgroup: workgroup.name)

    def delete(self, name: str) -> None:
        """Remove one.

        Raises:
            AwsError: it does not exist, or is ``primary``.
        """
        self.named(name)
        if name == PRIMARY:
            raise invalid("The primary WorkGroup cannot be deleted.")
        with self._lock:
            del self._known[name]


def check_results(configuration: dict[str, Any]) -> None:
    """Check a ``ResultConfiguration``.

    Raises:
        AwsError: it is not one that the sandbox can write with.
    """
    location = configuration.get("OutputLocation")
    if location and (not location.startswith("s3://") or not location[5:].strip("/")):
        raise invalid(f"outputLocation is not a valid S3 path: {location}")
    encryption = configuration.get("EncryptionConfiguration", {})
    option = encryption.get("EncryptionOption")
    if option == "CSE_KMS":
        raise invalid("the sandbox does not encrypt on the client's side (CSE_KMS); use SSE_KMS or SSE_S3")
    if option == "SSE_KMS" and not encryption.get("KmsKey"):
        raise invalid("KmsKey is required for SSE_KMS")


def _removed(name: str) -> str:
    member = name.removeprefix("Remove")
    return next((known for known in _RESULT_MEMBERS if known == member), member)
