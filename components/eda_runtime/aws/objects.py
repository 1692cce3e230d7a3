"""Objects of an S3 bucket, read whole."""

import io
from typing import Any
from urllib.parse import quote

from eda_runtime.aws.calls import Calls, endpoint


class Objects:
    """The objects of a bucket.

    Args:
        bucket: its name.

    Raises:
        NoCredentials: the environment has none.
        SettingsError: it has no region, or an endpoint that is none.
    """

    def __init__(self, bucket: str) -> None:
        # A certificate's wildcard stands for no dot, and an endpoint of one's own need not have a host for each bucket.
        by_path = "." in bucket or endpoint("s3") is not None
        self._calls = Calls("s3", "" if by_path else bucket)
        self._path = f"/{bucket}/" if by_path else "/"
        self.bucket = bucket

    def get(self, key: str, deadline: float) -> bytes:
        """An object's content.

        Args:
            key: its key.
            deadline: when the answer must be there, by ``time.monotonic``.

        Raises:
            Throttled: S3 asks to come later.
            Unavailable: S3 has a fault, or cannot be reached in time.
            AwsError: S3 refuses the request; its ``code`` is ``NoSuchKey`` for an object that is not there.
            NoCredentials: there are no valid ones.
        """
        return self._calls.call("GET", self._path + quote(key, safe="/~"), {}, b"", deadline)[2]

    def until(self, deadline: float) -> "ObjectsUntil":
        """The objects as ``ClaimCheck`` reads them, until a deadline by ``time.monotonic``."""
        return ObjectsUntil(self, deadline)


class ObjectsUntil:
    """Reads objects until a deadline, by the method that a client of botocore has for it.

    Args:
        objects: a bucket's.
        deadline: by ``time.monotonic``.
    """

    def __init__(self, objects: Objects, deadline: float) -> None:
        self._objects = objects
        self._deadline = deadline

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        """An object: a file under ``Body``; raises as ``Objects.get``, and ``ValueError`` for another bucket."""
        if Bucket != self._objects.bucket:
            raise ValueError("the object is another bucket's")
        return {"Body": io.BytesIO(self._objects.get(Key, self._deadline))}
