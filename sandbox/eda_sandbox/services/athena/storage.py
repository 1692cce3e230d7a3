"""S3 as the query's caller may read and write it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from eda_sandbox.services.athena.errors import (
    ACCESS_DENIED,
    DATA,
    INVALID_ARGUMENT,
    NO_BUCKET,
    QueryCancelled,
    QueryError,
)

DOWNLOADS = 8
"""Objects that a query reads at the same time."""


@dataclass(frozen=True)
class StoredObject:
    """An object of S3."""

    bucket: str
    key: str
    size: int
    modified: datetime

    @property
    def path(self) -> str:
        """Its address, as ``"$path"`` shows it."""
        return f"s3://{self.bucket}/{self.key}"


def split(location: str) -> tuple[str, str]:
    """Bucket and key of an ``s3://`` address.

    Raises:
        QueryError: it is none.
    """
    parts = urlsplit(location)
    if parts.scheme not in ("s3", "s3a", "s3n") or not parts.netloc:
        raise QueryError(f"INVALID_TABLE_PROPERTY: {location!r} is not an s3:// location", INVALID_ARGUMENT)
    return parts.netloc, location.partition("://")[2].partition("/")[2]


class Storage:
    """Reads and writes objects with the caller's permissions.

    Args:
        s3: an S3 client in the caller's name.
        encryption: how what is written is encrypted: ``EncryptionOption`` and ``KmsKey``.
        cancelled: set when the query shall end.
    """

    def __init__(self, s3: Any, encryption: dict[str, str], cancelled: threading.Event) -> None:
        self._s3 = s3
        self._encryption = _put_parameters(encryption)
        self._cancelled = cancelled
        self._located: set[str] = set()

    def check_bucket(self, bucket: str) -> None:
        """Ask for a bucket's region, as Athena does of every bucket it uses.

        Raises:
            QueryError: it does not exist, or the caller may not know.
        """
        if bucket in self._located:
            return
        try:
            self._s3.get_bucket_location(Bucket=bucket)
        except (ClientError, BotoCoreError) as error:
            raise _read_error(error, f"s3://{bucket}", "s3:GetBucketLocation") from error
        self._located.add(bucket)

    def list(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        """The objects below a prefix.

        Raises:
            QueryError: the bucket does not exist, or the caller may not list it.
            QueryCancelled: meanwhile.
        """
        self.check_bucket(bucket)
        token: dict[str, str] = {}
        while True:
            self.check_cancelled()
            try:
                answer = self._s3.list_objects_v2(Bucket=bucket, Prefix=prefix, **token)
            except (ClientError, BotoCoreError) as error:
                raise _read_error(error, f"s3://{bucket}/{prefix}", "s3:ListBucket") from error
            for found in answer.get("Contents", []):
                yield StoredObject(bucket, found["Key"], found["Size"], found["LastModified"])
            if not answer.get("IsTruncated"):
                return
            token = {"ContinuationToken": answer["NextContinuationToken"]}

    def download(self, targets: dict[StoredObject, Path]) -> None:
        """Fetch objects.

        Raises:
            QueryError: one cannot be read.
            QueryCancelled: meanwhile.
        """
        with ThreadPoolExecutor(DOWNLOADS, thread_name_prefix="athena-download") as pool:
            for _ in pool.map(lambda item: self._fetch(*item), targets.items()):
                self.check_cancelled()

    def read(self, bucket: str, key: str) -> bytes:
        """An object's content.

        Raises:
            ClientError: it cannot be read.
        """
        return bytes(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def write(self, bucket: str, key: str, body: bytes | Path, acl: str | None = None) -> None:
        """Write an object.

        Raises:
            QueryError: the caller may not, or there is no such bucket.
            QueryCancelled: meanwhile.
        """
        self.check_cancelled()
        content = body if isinstance(body, bytes) else body.read_bytes()
        options = {**self._encryption, **({"ACL": acl} if acl else {})}
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=content, **options)
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            address = f"s3://{bucket}/{key}"
            if code in ("AccessDenied", "403"):
                raise QueryError(
                    f"Access denied when writing output to url: {address} . Please ensure you are allowed to access "
                    f"the S3 bucket. If you are encrypting query results with KMS key, please ensure you are allowed "
                    f"to access your KMS key. {message}",
                    ACCESS_DENIED,
                ) from error
            raise QueryError(f"Unable to write output to url: {address}: {code}: {message}", NO_BUCKET) from error
        except BotoCoreError as error:
            raise QueryError(f"Unable to write output to url: s3://{bucket}/{key}: {error}", DATA) from error

    def check_cancelled(self) -> None:
        """Go no further with a query that shall end.

        Raises:
            QueryCancelled: it shall.
        """
        if self._cancelled.is_set():
            raise QueryCancelled("Query cancelled by user")

    def _fetch(self, stored: StoredObject, target: Path) -> None:
        if self._cancelled.is_set():
            return
        try:
            body = self._s3.get_object(Bucket=stored.bucket, Key=stored.key)["Body"]
            with target.open("wb") as file:
                for chunk in body.iter_chunks(1024 * 1024):
                    file.write(chunk)
        except BotoCoreError as error:
            raise QueryError(
                f"HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split {stored.path} (offset=0, length={stored.size}): "
                f"{error}",
                DATA,
            ) from error
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            kind = ACCESS_DENIED if code in ("AccessDenied", "403") else DATA
            raise QueryError(
                f"HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split {stored.path} (offset=0, length={stored.size}): "
                f"{message} (Service: Amazon S3; Error Code: {code})",
                kind,
            ) from error


def _read_error(error: ClientError | BotoCoreError, address: str, action: str) -> QueryError:
    if isinstance(error, BotoCoreError):
        return QueryError(f"HIVE_FILESYSTEM_ERROR: {address}: {error}", DATA)
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if code in ("AccessDenied", "403"):
        return QueryError(
            f"PERMISSION_DENIED: Permission denied on S3 path: {address} ({action}: {message})", ACCESS_DENIED
        )
    if code in ("NoSuchBucket", "404"):
        return QueryError(f"HIVE_METASTORE_ERROR: The specified bucket does not exist: {address}", NO_BUCKET)
    return QueryError(f"HIVE_FILESYSTEM_ERROR: {address}: {code}: {message}", DATA)


def _put_parameters(encryption: dict[str, str]) -> dict[str, str]:
    match encryption.get("EncryptionOption"):
        case "SSE_S3":
            return {"ServerSideEncryption": "AES256"}
        case "SSE_KMS":
            return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption["KmsKey"]}
        case _:
            return {}
