"""What S3 refuses of buckets and tags, where the emulator takes it."""

import re
import xml.etree.ElementTree as ElementTree

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest

_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ols-s3", ".mrap", "--x-s3", "--table-s3")
_TAGGED = frozenset({"PutObjectTagging", "PutBucketTagging"})


def check(operation: str, request: HttpRequest) -> None:
    """Check a request.

    Args:
        operation: as the API model spells it.
        request: as it came.

    Raises:
        AwsError: S3 refuses it.
    """
    if operation == "CreateBucket":
        _check_bucket(request.path.strip("/"))
    elif operation in _TAGGED:
        _check_tags(operation, request.body)
    elif operation == "PutBucketVersioning":
        found = _read(request.body)
        if found is not None and found.find("{*}Status") is None and found.find("{*}MfaDelete") is None:
            problem = "The Versioning element must be specified"
            raise AwsError("IllegalVersioningConfigurationException", problem, 400)


def _check_bucket(name: str) -> None:
    """Check the beginning and the end of a name (S3 User Guide, general purpose bucket naming rules)."""
    if name.startswith(_PREFIXES) or name.endswith(_SUFFIXES):
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", 400)


def _check_tags(operation: str, body: bytes) -> None:
    found = _read(body)
    keys = [] if found is None else [tag.findtext("{*}Key") or "" for tag in found.findall("{*}TagSet/{*}Tag")]
    problem = None
    if len(set(keys)) < len(keys):
        problem = "Cannot provide multiple Tags with the same key"
    elif any(re.match("aws:", key, re.IGNORECASE) for key in keys):
        problem = "System tags cannot be added/updated by requester"
        if operation == "PutObjectTagging":
            problem = "Your TagKey cannot be prefixed with aws:"
    if problem:
        raise AwsError("InvalidTag", problem, 400)


def _read(body: bytes) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(body)  # noqa: S314 - the emulator reads it, too
    except ElementTree.ParseError:
        return None
