"""What S3 says of an object that is not there: who may not list the bucket is not told that it is not.

The source is botocore's model of S3: ``GetObject``, ``GetObjectAttributes`` and ``HeadObject``.
"""

from collections.abc import Mapping

from botocore.exceptions import ClientError

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.frontdoor import authorization
from eda_sandbox.frontdoor.asked import Asked
from eda_sandbox.frontdoor.emulator import Emulator

OPERATIONS = frozenset({"GetObject", "GetObjectAttributes", "HeadObject"})
"""Those that answer in this way."""
_CODE = b"<Code>NoSuchKey</Code>"


def check_listing(
    cloud: Cloud, emulator: Emulator, labels: Mapping[str, str], request: HttpRequest, response: HttpResponse
) -> None:
    """Check the answer to one of ``OPERATIONS``.

    Args:
        cloud: the embedded AWS.
        emulator: where the buckets are.
        labels: the request's bucket and key.
        request: as it came.
        response: the emulator's answer.

    Raises:
        AwsError: ``AccessDenied``, the object is not there and the caller may not list the bucket.
    """
    if response.status != 404 or cloud.principal_of(authorization.access_key(request)) is not None:
        return
    bucket = labels.get("Bucket", "")
    if request.method == "HEAD":
        # Nothing but the status says what is not there: the object, a version of it, or the bucket.
        if any(name == "versionId" for name, _ in request.query) or not _is_there(emulator, bucket):
            return
    elif _CODE not in response.body:
        return
    try:
        asked = [Asked("s3:ListBucket", f"arn:aws:s3:::{bucket}")]
        authorization.check(request, "s3", asked, cloud.region)
    except AwsError as denied:
        raise AwsError("AccessDenied", denied.message, 403) from None


def _is_there(emulator: Emulator, bucket: str) -> bool:
    try:
        emulator.client("s3").head_bucket(Bucket=bucket)
    except ClientError:
        return False
    return True
