"""The emulator's operations on objects, with S3's conditions before them and its members in their answers.

They are called in the place where it has the objects, under its lock, so that nothing can come between a condition and
what depends on it.
"""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import s3 as emulated

from eda_sandbox.frontdoor.emulated_answers import Answer
from eda_sandbox.frontdoor.s3 import tags

OK, DELETED = 200, 204
LEAST_PART = 5 * 1024 * 1024
"""Bytes of a part that is not the last one (S3 User Guide, multipart upload limits)."""
LONGEST_KEY = 1024
"""Bytes (S3 User Guide, naming objects)."""
_FAILED = "At least one of the pre-conditions you specified did not hold"
_NOT_THERE = "A header you provided implies functionality that is not implemented"
_CONFLICT = "The conditional request cannot succeed due to a conflicting operation against this resource."
_ILLEGAL = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's "
    "metadata, storage class, website redirect location or encryption attributes."
)
_CHANGES = ("x-amz-server-side-encryption", "x-amz-storage-class", "x-amz-website-redirect-location")
_OF_BUCKETS = (
    "BucketAlreadyExists",
    "BucketAlreadyOwnedByYou",
    "BucketNotEmpty",
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchCORSConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchTagSet",
    "OwnershipControlsNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
)
_OF_KEYS = ("NoSuchKey", "NoSuchVersion")
_PATH = re.compile(rb"<Resource ?/>|<Resource>[^<]*</Resource>")
_RANGE = re.compile(r"bytes=(?:(\d+)-(\d*)|-(\d+))")
_VERSION = re.compile(r"null|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_emulators = {
    name: getattr(emulated, name)
    for name in (
        "_check_put_preconditions",
        "_complete_multipart_upload",
        "_build_object_record",
        "_copy_object",
        "_create_multipart_upload",
        "_delete_object",
        "_delete_objects",
        "_get_object",
        "_head_object",
        "_error",
        "_put_bucket_tagging",
        "_put_object",
        "_put_object_tagging",
        "_resolve_sse_write_headers",
        "_xml_body",
    )
}


def install() -> None:
    """Serve in the emulator's place; again does nothing."""
    emulated._check_put_preconditions = _check_conditions
    emulated._complete_multipart_upload = _complete
    emulated._build_object_record = _record
    emulated._copy_object = _copy
    emulated._create_multipart_upload = _begin
    emulated._delete_object = _delete
    emulated._delete_objects = _delete_many
    emulated._get_object = _get
    emulated._head_object = _head
    emulated._put_object = _put
    emulated._resolve_sse_write_headers = _encryption
    emulated._put_bucket_tagging = _tag_bucket
    emulated._put_object_tagging = _tag_object
    emulated._error = _answered_error
    emulated._xml_body = _written


def _error(code: str, message: str, status: int) -> Any:
    return emulated._error(code, message, status)


def _answered_error(
    code: str,
    message: str,
    status: int,
    resource: str = "",
    extra: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """An error with the members that S3 gives it: what it is about, and not as a path."""
    bucket, _, key = resource.removeprefix("/").partition("/")
    about = {"BucketName": bucket} if code in _OF_BUCKETS else {"Key": key} if code in _OF_KEYS else {}
    written = {name: value for name, value in {**about, **(extra or {})}.items() if value}
    status, answered, body = _emulators["_error"](code, message, status, "", written, headers)
    return status, answered, _PATH.sub(b"", body)


def _written(root: ElementTree.Element) -> bytes:
    """An answer's document; owners have no names, and a list of parts says its last one."""
    for owner in root.iter("Owner"):
        for name in owner.findall("DisplayName"):
            owner.remove(name)
    parts = [part.findtext("PartNumber") for part in root.iter("Part")] if root.tag == "ListPartsResult" else []
    if parts and root.find("NextPartNumberMarker") is None:
        ElementTree.SubElement(root, "NextPartNumberMarker").text = parts[-1]
    document: bytes = _emulators["_xml_body"](root)
    return document


def _tag_bucket(name: str, body: bytes) -> Answer:
    answer: Answer = tags.document_problem(body, bucket=True) or _emulators["_put_bucket_tagging"](name, body)
    return answer


def _tag_object(bucket: str, key: str, body: bytes, query: dict[str, Any] | None = None) -> Answer:
    problem = tags.document_problem(body, bucket=False) if _object(bucket, key) is not None else None
    answer: Answer = problem or _emulators["_put_object_tagging"](bucket, key, body, query)
    return answer


def _object(bucket: str, key: str) -> dict[str, Any] | None:
    there = emulated._ensure_bucket(bucket)
    found: dict[str, Any] | None = None if there is None else there["objects"].get(key)
    return found


def _touched(bucket: str, key: str, what: str) -> None:
    """Tell the uploads of a key that are in progress that it was ``written`` or ``deleted``."""
    for upload in emulated._multipart_uploads.values():
        if (upload["bucket"], upload["key"]) == (bucket, key):
            upload[what] = True


def _check_conditions(headers: Mapping[str, str], there: dict[str, Any] | None) -> Any:
    """A write knows ``If-None-Match: *`` and ``If-Match`` with an ETag, and not both (LocalStack's records of
    ``test_put_object_if_none_match_validation``)."""
    none_match, match = headers.get("if-none-match", "").strip(), headers.get("if-match", "").strip()
    if (none_match and match) or none_match not in ("", "*") or match == "*":
        return _error("NotImplemented", _NOT_THERE, 501)
    return _emulators["_check_put_preconditions"](headers, there)


def _encryption(headers: Mapping[str, str], bucket: str) -> Any:
    # All new objects are encrypted, with S3's own keys where nothing else is said (since 2023).
    found, error = _emulators["_resolve_sse_write_headers"](headers, bucket)
    return found if error else found or {"x-amz-server-side-encryption": "AES256"}, error


def _typed(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a write, with S3's own type where none is given (API reference, PutObject)."""
    return {"content-type": "binary/octet-stream", **headers}


def _record(body: bytes, headers: Mapping[str, str], *given: Any, **named: Any) -> Any:
    return _emulators["_build_object_record"](body, _typed(headers), *given, **named)


def _begin(bucket: str, key: str, headers: Mapping[str, str]) -> Any:
    return _emulators["_create_multipart_upload"](bucket, key, _typed(headers))


def _put(bucket: str, key: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    if len(key.encode()) > LONGEST_KEY:
        answer: Answer = _error("KeyTooLongError", "Your key is too long", 400)
        return answer
    for name, value in headers.items():
        if name.startswith("x-amz-checksum-") and not _is_checksum(name, value):
            return _error("InvalidRequest", f"Value for {name} header is invalid.", 400)  # type: ignore[no-any-return]
    problem = tags.header_problem(headers.get("x-amz-tagging"))
    if problem is not None:
        return problem  # type: ignore[no-any-return]
    status, answered, content = _emulators["_put_object"](bucket, key, body, headers)
    if status == OK:
        if "x-amz-tagging" not in headers:
            tags.forget(bucket, key)
        _touched(bucket, key, "written")
        answered.update(_checksums(_object(bucket, key)))
    return status, answered, content


_DIGESTS = {"crc32": 8, "crc32c": 8, "crc64nvme": 12, "sha1": 28, "sha256": 44}


def _is_checksum(name: str, value: str) -> bool:
    length = _DIGESTS.get(name.removeprefix("x-amz-checksum-"))
    return length is None or (re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", value) is not None and len(value) == length)


def _checksums(found: dict[str, Any] | None) -> dict[str, str]:
    sums = (found or {}).get("checksums") or {}
    named = {f"x-amz-checksum-{name.lower()}": value for name, value in sums.items()}
    return {**named, "x-amz-checksum-type": (found or {}).get("checksum_type") or "FULL_OBJECT"} if named else {}


def _copy(bucket: str, key: str, headers: Mapping[str, str]) -> Answer:
    source, _, version = headers.get("x-amz-copy-source", "").lstrip("/").partition("?")
    from_bucket, _, from_key = emulated.url_unquote(source).partition("/")
    copied = _object(from_bucket, from_key)
    if emulated._ensure_bucket(bucket) is not None and (version or copied is not None):
        error = _check_conditions(headers, _object(bucket, key))
        if error is not None:
            return error  # type: ignore[no-any-return]
    changes = headers.get("x-amz-metadata-directive", "COPY").upper() == "REPLACE" or any(map(headers.get, _CHANGES))
    if (from_bucket, from_key) == (bucket, key) and copied is not None and not version and not changes:
        return _error("InvalidRequest", _ILLEGAL, 400)  # type: ignore[no-any-return]
    status, answered, body = _emulators["_copy_object"](bucket, key, headers)
    if status == OK:
        _touched(bucket, key, "written")
        sums = (_object(bucket, key) or {}).get("checksums") or {}
        more = "".join(f"<Checksum{name}>{escape(value)}</Checksum{name}>" for name, value in sums.items())
        body = body.replace(b"</CopyObjectResult>", f"{more}</CopyObjectResult>".encode())
    return status, answered, body


def _complete(
    bucket: str, key: str, body: bytes, query: dict[str, Any], headers: Mapping[str, str] | None = None
) -> Answer:
    given, upload = headers or {}, emulated._multipart_uploads.get(emulated._qp(query, "uploadId"))
    if upload is not None and (upload["bucket"], upload["key"]) == (bucket, key):
        error = _check_upload(given, upload, _object(bucket, key)) or _check_parts(body, upload)
        if error is not None:
            return error  # type: ignore[no-any-return]
    answer: Answer = _emulators["_complete_multipart_upload"](bucket, key, body, query, headers)
    if answer[0] == OK:
        _touched(bucket, key, "written")
    return answer


def _check_upload(headers: Mapping[str, str], upload: Mapping[str, Any], there: dict[str, Any] | None) -> Any:
    """A condition that holds, but for something that was done to the key since the upload began, is a conflict."""
    error = _check_conditions(headers, there)
    if error is not None:
        return error
    since = "deleted" if headers.get("if-none-match") else "written" if headers.get("if-match") else None
    return _error("ConditionalRequestConflict", _CONFLICT, 409) if since and upload.get(since) else None


def _check_parts(body: bytes, upload: Mapping[str, Any]) -> Any:
    try:
        parts = [found.findtext("{*}PartNumber") for found in ElementTree.fromstring(body).findall("{*}Part")]  # noqa: S314 - the emulator reads it, too
        numbers = [int(number or "") for number in parts]
    except (ElementTree.ParseError, ValueError):
        return None
    if numbers != sorted(set(numbers)):
        problem = "The list of parts was not in ascending order. Parts must be ordered by part number."
        return _error("InvalidPartOrder", problem, 400)
    sizes = [len(upload["parts"][number]["body"]) for number in numbers[:-1] if number in upload["parts"]]
    if any(size < LEAST_PART for size in sizes):
        return _error("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", 400)
    return None


def _delete(
    bucket: str, key: str, headers: Mapping[str, str] | None = None, query: dict[str, Any] | None = None
) -> Answer:
    error = _check_version(query)
    if error is not None:
        return error  # type: ignore[no-any-return]
    answer: Answer = _emulators["_delete_object"](bucket, key, headers, query)
    if answer[0] == DELETED:
        _touched(bucket, key, "deleted")
    return answer


def _delete_many(bucket: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - as above
    except ElementTree.ParseError:
        root = ElementTree.Element("Delete")
    asked = root.findall("{*}Object")
    if not asked:
        return _error("MalformedXML", emulated._MALFORMED_XML, 400)  # type: ignore[no-any-return]
    unknown = [one for one in asked if not _is_version(one.findtext("{*}VersionId"))]
    for one in unknown:
        root.remove(one)
    status, answered, content = _emulators["_delete_objects"](bucket, ElementTree.tostring(root), headers)
    if status == OK and unknown:
        content = _with_unknown(content, unknown)
    for key in [one.findtext("{*}Key") for one in asked if one not in unknown]:
        if key and _object(bucket, key) is None:
            _touched(bucket, key, "deleted")
    return status, answered, content


def _is_version(version: str | None) -> bool:
    return version is None or _VERSION.fullmatch(version) is not None


def _with_unknown(content: bytes, unknown: list[ElementTree.Element]) -> bytes:
    """An answer that tells of versions that there cannot be, too."""
    errors = "".join(
        f"<Error><Key>{escape(one.findtext('{*}Key') or '')}</Key>"
        f"<VersionId>{escape(one.findtext('{*}VersionId') or '')}</VersionId><Code>NoSuchVersion</Code>"
        "<Message>The specified version does not exist.</Message></Error>"
        for one in unknown
    )
    head, closing, rest = content.rpartition(b"</DeleteResult>")
    if closing:
        return head + errors.encode() + closing + rest
    return content.replace(b"/>", b">" + errors.encode() + b"</DeleteResult>")


def _get(bucket: str, key: str, headers: Mapping[str, str], query: dict[str, Any] | None = None) -> Answer:
    answer: Answer = _check_version(query) or _emulators["_get_object"](bucket, key, _with_range(headers), query)
    return answer


def _head(
    bucket: str, key: str, headers: Mapping[str, str] | None = None, query: dict[str, Any] | None = None
) -> Answer:
    problem = _check_version(query)
    if problem is not None:
        return problem  # type: ignore[no-any-return]
    status, answered, content = _emulators["_head_object"](bucket, key, _with_range(headers or {}), query)
    found = _object(bucket, key)
    if status == OK and found is not None:
        version = emulated._qp(query or {}, "versionId", "") or found.get("version_id")
        answered.update(emulated._object_tagging_count_header(bucket, key, version))
    return status, answered, content


def _check_version(query: dict[str, Any] | None) -> Any:
    version = emulated._qp(query or {}, "versionId", "")
    if version and not _VERSION.fullmatch(version):
        return _error("InvalidArgument", "Invalid version id specified", 400)
    return None


def _with_range(headers: Mapping[str, str]) -> Mapping[str, str]:
    """A request without a range that S3 does not understand: it gives the whole object (LocalStack's records of
    ``test_get_object_range``)."""
    found = _RANGE.fullmatch(headers.get("range", "bytes=0-"))
    if found is not None and not (found[2] and int(found[1]) > int(found[2])):
        return headers
    return {name: value for name, value in headers.items() if name != "range"}
