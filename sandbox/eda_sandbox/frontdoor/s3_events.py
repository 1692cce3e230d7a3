"""Amazon S3's events for EventBridge: what changes objects in a bucket that has them switched on."""

import itertools
import time
import xml.etree.ElementTree as ElementTree
from typing import Any

from botocore.compat import HTTPHeaders
from botocore.parsers import create_parser

from eda_sandbox.foundation.cloud import Cloud, service_model
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.frontdoor import authorization
from eda_sandbox.frontdoor.emulator import Emulator

_CREATING = frozenset({"PutObject", "CopyObject", "CompleteMultipartUpload"})
_DELETING = frozenset({"DeleteObject", "DeleteObjects"})
_CONFIGURING = frozenset({"PutBucketNotification", "PutBucketNotificationConfiguration", "DeleteBucket"})
OBSERVED = _CREATING | _DELETING | _CONFIGURING
"""The operations to tell ``S3Events.observe`` of."""

_EMPTY_ETAG = "d41d8cd98f00b204e9800998ecf8427e"


class S3Events:
    """Watches the requests that succeeded, and reports to the default event bus as S3 does: at least once.

    Args:
        cloud: the embedded AWS.
        emulator: answers what a request and its answer leave open.
    """

    def __init__(self, cloud: Cloud, emulator: Emulator) -> None:
        self._cloud = cloud
        self._emulator = emulator
        self._buckets: set[str] = set()
        # Grows in every run, as keys' sequencers do.
        self._sequence = itertools.count(time.time_ns())

    def observe(self, operation: str, labels: dict[str, str], request: HttpRequest, response: HttpResponse) -> None:
        """A request that succeeded.

        Args:
            operation: one of ``OBSERVED``.
            labels: ``Bucket`` and ``Key`` of the request's path.
            request: as it came.
            response: as it went back.
        """
        bucket = labels["Bucket"]
        if operation in _CONFIGURING:
            switched_on = operation != "DeleteBucket" and b"EventBridgeConfiguration" in request.body
            (self._buckets.add if switched_on else self._buckets.discard)(bucket)
            return
        if bucket not in self._buckets:
            return
        answer = _parsed(operation, response)
        if "Error" in answer:
            return
        if operation in _CREATING:
            created = self._created(operation, bucket, labels["Key"], answer, request)
            self._report("Object Created", operation, bucket, created, request, response)
        elif operation == "DeleteObject":
            asked = dict(request.query).get("versionId")
            marked = {"DeleteMarker": True, "DeleteMarkerVersionId": answer.get("VersionId")}
            made = marked if answer.get("DeleteMarker") and asked is None else {"VersionId": asked}
            self._deleted({"Key": labels["Key"], **made}, operation, bucket, request, response)
        else:
            for deleted in self._all_deleted(bucket, answer, request):
                # The reason of each is the single deletion that it stands for.
                self._deleted(deleted, "DeleteObject", bucket, request, response)

    def _created(
        self, operation: str, bucket: str, key: str, answer: dict[str, Any], request: HttpRequest
    ) -> dict[str, Any]:
        version = answer.get("VersionId")
        if operation == "PutObject":
            etag, size = answer["ETag"], int(request.header("x-amz-decoded-content-length") or len(request.body))
        else:
            wanted = {"VersionId": version} if version else {}
            head = self._emulator.client("s3").head_object(Bucket=bucket, Key=key, **wanted)
            etag, size = head["ETag"], head["ContentLength"]
        found = {"key": key, "size": size, "etag": etag.strip('"')}
        return {**found, **({"version-id": version} if version else {})}

    def _all_deleted(self, bucket: str, answer: dict[str, Any], request: HttpRequest) -> list[dict[str, Any]]:
        body = ElementTree.fromstring(request.body)  # noqa: S314 - the emulator has read and accepted it
        if (body.findtext("{*}Quiet") or "").strip() != "true":
            return list(answer.get("Deleted", []))
        # A quiet answer names the failures alone.
        failed = {(error["Key"], error.get("VersionId")) for error in answer.get("Errors", [])}
        versioned = self._emulator.client("s3").get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"
        asked = [(found.findtext("{*}Key"), found.findtext("{*}VersionId")) for found in body.findall("{*}Object")]
        return [
            {"Key": key, "VersionId": version, "DeleteMarker": versioned and version is None}
            for key, version in asked
            if (key, version) not in failed
        ]

    def _deleted(
        self, deleted: dict[str, Any], reason: str, bucket: str, request: HttpRequest, response: HttpResponse
    ) -> None:
        # Whoever deletes a version, be it a marker's, deletes it for good.
        marker = bool(deleted.get("DeleteMarker")) and not deleted.get("VersionId")
        version = deleted.get("DeleteMarkerVersionId") or deleted.get("VersionId")
        found = {"key": deleted["Key"]}
        if marker:
            found["etag"] = _EMPTY_ETAG
        if version:
            found["version-id"] = version
        kind = "Delete Marker Created" if marker else "Permanently Deleted"
        self._report("Object Deleted", reason, bucket, found, request, response, {"deletion-type": kind})

    def _report(
        self,
        detail_type: str,
        reason: str,
        bucket: str,
        changed: dict[str, Any],
        request: HttpRequest,
        response: HttpResponse,
        more: dict[str, Any] | None = None,
    ) -> None:
        principal = self._cloud.principal_of(authorization.access_key(request))
        detail = {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {**changed, "sequencer": f"{next(self._sequence):018X}"},
            "request-id": response.header("x-amz-request-id") or "",
            "requester": principal[0] if principal else self._cloud.account,
            "source-ip-address": request.source_ip,
            "reason": reason,
            **(more or {}),
        }
        self._cloud.service_event("aws.s3", detail_type, detail, [f"arn:aws:s3:::{bucket}"], durable=True)


def _parsed(operation: str, response: HttpResponse) -> dict[str, Any]:
    shape: Any = service_model("s3").operation_model(operation).output_shape
    headers = HTTPHeaders.from_pairs(response.headers)
    parsed: dict[str, Any] = create_parser("rest-xml").parse(
        {"status_code": response.status, "headers": headers, "body": response.body}, shape
    )
    return parsed
