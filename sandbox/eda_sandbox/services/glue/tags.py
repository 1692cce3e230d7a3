"""Tags of Glue's resources, by ARN."""

import threading


class Tags:
    """What ``TagResource`` keeps."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tags: dict[str, dict[str, str]] = {}

    def put(self, arn: str, tags: dict[str, str]) -> None:
        """Add tags to a resource."""
        with self._lock:
            self._tags.setdefault(arn, {}).update(tags)

    def take(self, arn: str, keys: list[str]) -> None:
        """Take tags from a resource."""
        with self._lock:
            for key in keys:
                self._tags.get(arn, {}).pop(key, None)

    def of(self, arn: str) -> dict[str, str]:
        """A resource's tags."""
        with self._lock:
            return dict(self._tags.get(arn, {}))

    def remove(self, arn: str) -> None:
        """Forget a resource."""
        with self._lock:
            self._tags.pop(arn, None)
