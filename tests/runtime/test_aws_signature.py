"""Signatures are botocore's, whatever is signed."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import botocore.auth
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from eda_runtime.aws.signature import Credentials, Signer
from hypothesis import given
from hypothesis import strategies as st

VISIBLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)
WORD = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=", min_size=1, max_size=40)
NAMES = st.from_regex(r"x-amz-meta-[a-z0-9-]{1,12}|content-type|x-amz-target|accept|range", fullmatch=True)
SEGMENTS = st.from_regex(r"(?:[A-Za-z0-9_~!$&'()*+,;=:@-]|%[0-9A-F]{2}){1,12}", fullmatch=True)
PATHS = st.just("/") | st.lists(SEGMENTS, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2045, 1, 1))
CREDENTIALS = st.builds(Credentials, WORD, WORD, st.just("") | WORD)
REQUESTS = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD"]),
        "path": PATHS,
        "headers": st.dictionaries(NAMES, VISIBLE, max_size=5),
        "body": st.binary(max_size=200),
        "host": st.sampled_from(
            ["dynamodb.eu-central-1.amazonaws.com", "127.0.0.1:4566", "b.s3.cn-north-1.amazonaws.com.cn"]
        ),
    }
)


def botocores(
    service: str, region: str, credentials: Credentials, request: dict[str, Any], moment: datetime
) -> dict[str, str]:
    """The request's headers as botocore signs them, by lower-case name."""
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    made = AWSRequest(
        request["method"], f"https://{request['host']}{request['path']}", dict(request["headers"]), request["body"]
    )
    made.context["payload_signing_enabled"] = True
    given = BotocoreCredentials(credentials.access_key, credentials.secret_key, credentials.token or None)
    with patch.object(botocore.auth, "get_current_datetime", lambda *_, **__: moment):
        kind(given, service, region).add_auth(made)
    return {name.lower(): value for name, value in made.headers.items()}


def ours(signer: Signer, service: str, credentials: Credentials, request: dict[str, Any], moment: datetime) -> str:
    digest = hashlib.sha256(request["body"]).hexdigest()
    headers = {
        **request["headers"],
        "host": request["host"],
        "x-amz-date": moment.strftime("%Y%m%dT%H%M%SZ"),
        **({"x-amz-security-token": credentials.token} if credentials.token else {}),
        **({"x-amz-content-sha256": digest} if service == "s3" else {}),
    }
    return signer.authorization(credentials, request["method"], request["path"], headers, digest)


@given(
    st.sampled_from(["dynamodb", "s3", "states", "sqs"]),
    st.sampled_from(["eu-central-1", "us-gov-west-1", "cn-north-1"]),
    CREDENTIALS,
    REQUESTS,
    MOMENTS,
)
def test_a_signature_is_botocores(
    service: str, region: str, credentials: Credentials, request: dict[str, Any], moment: datetime
) -> None:
    wanted = botocores(service, region, credentials, request, moment)
    assert ours(Signer(service, region), service, credentials, request, moment) == wanted["authorization"]


@given(st.lists(st.tuples(CREDENTIALS, REQUESTS), min_size=2, max_size=5), MOMENTS, st.integers(0, 3))
def test_a_key_that_was_derived_is_for_its_secret_and_day_alone(
    calls: list[tuple[Credentials, dict[str, Any]]], moment: datetime, days: int
) -> None:
    signer = Signer("dynamodb", "eu-central-1")
    for number, (credentials, request) in enumerate(calls):
        at = (moment.replace(tzinfo=UTC) + timedelta(days=days * number)).replace(tzinfo=None)
        wanted = botocores("dynamodb", "eu-central-1", credentials, request, at)["authorization"]
        assert ours(signer, "dynamodb", credentials, request, at) == wanted
