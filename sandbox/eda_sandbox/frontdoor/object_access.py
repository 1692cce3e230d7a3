"""What S3 asks IAM for beside an operation's own action, and the condition keys of requests on objects.

From the API Reference, "Required permissions for Amazon S3 API operations", and from the Service Authorization
Reference. The emulator asks for the action of the operation, of a copy's source and of a batch's keys.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from ministack.core import iam_actions
from ministack.services import s3 as emulated

_SUB_ACTIONS: Mapping[str, str] = {
    "x-amz-acl": "s3:PutObjectAcl",
    "x-amz-object-lock-legal-hold": "s3:PutObjectLegalHold",
    "x-amz-object-lock-mode": "s3:PutObjectRetention",
    "x-amz-object-lock-retain-until-date": "s3:PutObjectRetention",
    "x-amz-tagging": "s3:PutObjectTagging",
}
_BUCKET_SUB_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "x-amz-acl": ("s3:PutBucketAcl",),
    "x-amz-bucket-object-lock-enabled": ("s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"),
    "x-amz-object-ownership": ("s3:PutBucketOwnershipControls",),
}
_GRANT = "x-amz-grant-"
_KEYS: Mapping[str, str] = {
    "if-match": "s3:if-match",
    "if-none-match": "s3:if-none-match",
    "x-amz-acl": "s3:x-amz-acl",
    "x-amz-content-sha256": "s3:x-amz-content-sha256",
    "x-amz-copy-source": "s3:x-amz-copy-source",
    "x-amz-metadata-directive": "s3:x-amz-metadata-directive",
    "x-amz-object-lock-legal-hold": "s3:object-lock-legal-hold",
    "x-amz-object-lock-mode": "s3:object-lock-mode",
    "x-amz-object-lock-retain-until-date": "s3:object-lock-retain-until-date",
    "x-amz-server-side-encryption": "s3:x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class": "s3:x-amz-storage-class",
    "x-amz-website-redirect-location": "s3:x-amz-website-redirect-location",
}
Asked = list[tuple[str, str]]


def _more_checks(original: Callable[..., Asked]) -> Callable[..., Asked]:
    def checks(method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]) -> Asked:
        found = original(method, path, headers, body, query_params)
        return [*found, *_sub_actions(method, path, headers, query_params)]

    return checks


def _sub_actions(
    method: str, path: str, headers: Mapping[str, str], query: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    bucket, _, key = path.lstrip("/").partition("/")
    creates = method == "PUT" and not query.keys() - {"x-id"}
    if not key:
        if creates:
            for header, actions in _BUCKET_SUB_ACTIONS.items():
                if header in headers or (header == "x-amz-acl" and _grants(headers)):
                    for action in actions:
                        yield action, f"arn:aws:s3:::{bucket}"
        return
    if not (creates or (method == "POST" and "uploads" in query)):
        if method == "POST" and "uploadId" in query and "if-match" in headers:
            yield "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}"
        return
    arn = f"arn:aws:s3:::{bucket}/{key}"
    wanted = {action for header, action in _SUB_ACTIONS.items() if header in headers}
    if _grants(headers):
        wanted.add("s3:PutObjectAcl")
    if "if-match" in headers:
        # Who writes over a certain object learns whether it is that one.
        wanted.add("s3:GetObject")
    source, tags = _tagged_source(headers)
    if tags:
        yield "s3:GetObjectTagging", source
        wanted.add("s3:PutObjectTagging")
    for action in sorted(wanted):
        yield action, arn


def _grants(headers: Mapping[str, str]) -> bool:
    return any(name.startswith(_GRANT) for name in headers)


def _tagged_source(headers: Mapping[str, str]) -> tuple[str, bool]:
    """A copy's source, and whether its tags are copied too."""
    named, _, version = headers.get("x-amz-copy-source", "").partition("?")
    bucket, _, key = unquote(named).lstrip("/").partition("/")
    if not key or headers.get("x-amz-tagging-directive", "COPY").upper() == "REPLACE":
        return "", False
    query = {name: [value] for name, value in parse_qsl(version)}
    return f"arn:aws:s3:::{bucket}/{key}", bool(emulated.object_tags_for_condition(bucket, key, query))


def _more_keys(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def keys(
        iam_action: str,
        query_params: dict[str, Any] | None,
        path: str = "",
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        found = original(iam_action, query_params, path, headers)
        sent = headers or {}
        query = query_params or {}
        if iam_action == "s3:PutObject":
            # Beginning an upload and its parts make no object; what ends it does.
            found["s3:ObjectCreationOperation"] = str(not {"uploads", "partNumber"} & query.keys()).lower()
            found.update({_KEYS[header]: sent[header] for header in ("if-match", "if-none-match") if header in sent})
        # The parts of an upload carry no headers: the request that began it decides.
        if iam_action == "s3:PutObject" and not query.get("uploadId"):
            found.update({key: sent[header] for header, key in _KEYS.items() if header in sent})
            tags = parse_qsl(sent.get("x-amz-tagging", ""), keep_blank_values=True)
            found.update({f"s3:RequestObjectTag/{name}": value for name, value in tags})
            if tags:
                found["s3:RequestObjectTagKeys"] = [name for name, _ in tags]
        if "x-amz-content-sha256" in sent:
            found["s3:x-amz-content-sha256"] = sent["x-amz-content-sha256"]
        version = query.get("versionId")
        if version:
            found["s3:VersionId"] = version[0] if isinstance(version, list) else version
        return found

    return keys


_CHECKS = _more_checks(iam_actions.s3_additional_checks)
_CONTEXT = _more_keys(iam_actions.s3_service_context)


def install() -> None:
    """Let the emulator ask for all of it."""
    replaced: Any = iam_actions
    replaced.s3_additional_checks = _CHECKS
    replaced.s3_service_context = _CONTEXT
