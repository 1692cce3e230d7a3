"""Security configurations."""

import threading
from typing import Any

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.glue.paging import page


class SecurityConfigurations:
    """What jobs encrypt with.

    Args:
        cloud: the embedded AWS.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, Any]] = {}

    def create_security_configuration(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateSecurityConfiguration."""
        name, now = request["Name"], self._cloud.clock.now()
        with self._lock:
            if name in self._known:
                raise AwsError("AlreadyExistsException", f"SecurityConfiguration already exists: {name}")
            encryption = request["EncryptionConfiguration"]
            self._known[name] = {"Name": name, "CreatedTimeStamp": now, "EncryptionConfiguration": encryption}
        return {"Name": name, "CreatedTimestamp": now}

    def get_security_configuration(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetSecurityConfiguration."""
        return {"SecurityConfiguration": self.named(request["Name"])}

    def get_security_configurations(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetSecurityConfigurations."""
        with self._lock:
            return page("SecurityConfigurations", list(self._known.values()), request)

    def delete_security_configuration(self, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteSecurityConfiguration."""
        self.named(request["Name"])
        with self._lock:
            del self._known[request["Name"]]
        return {}

    def log_key(self, name: str | None) -> str | None:
        """The key with which log groups are encrypted, or None."""
        if name is None:
            return None
        logs = self.named(name)["EncryptionConfiguration"].get("CloudWatchEncryption", {})
        return logs.get("KmsKeyArn") if logs.get("CloudWatchEncryptionMode") == "SSE-KMS" else None

    def named(self, name: str) -> dict[str, Any]:
        """A security configuration.

        Raises:
            AwsError: it does not exist.
        """
        with self._lock:
            found = self._known.get(name)
        if found is None:
            raise AwsError("EntityNotFoundException", f"SecurityConfiguration not found: {name}")
        return found
