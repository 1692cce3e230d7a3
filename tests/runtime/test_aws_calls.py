"""Calls of the small clients: where they go, whose they are, and what becomes of faults."""

import json
import time
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from eda_runtime.aws import calls as calls_module
from eda_runtime.aws import container
from eda_runtime.aws.calls import AwsError, Calls, Throttled, Unavailable, regional_host
from eda_runtime.aws.credentials import provider
from eda_runtime.aws.objects import Objects
from eda_runtime.aws.signature import Credentials, NoCredentials
from eda_runtime.settings import SettingsError

from tests.runtime.scripted_server import CLOSE, HANG, ScriptedServer, answer

VARIABLES = (
    "AWS_DEFAULT_REGION",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_S3",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "_X_AMZN_TRACE_ID",
)
REGIONS = sorted(
    region
    for partition in botocore.session.get_session().get_available_partitions()
    for region in botocore.session.get_session().get_available_regions("dynamodb", partition)
)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in {"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(name, value)


def error(code: str, status: int = 400) -> bytes:
    return answer(json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "why"}).encode(), status)


def called(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, seconds: float = 10) -> bytes:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", server.url)
    return Calls("dynamodb").call("POST", "/", {}, b"{}", time.monotonic() + seconds)[2]


@pytest.mark.parametrize("service", ["dynamodb", "s3"])
def test_the_regional_host_is_botocores_in_every_region(service: str) -> None:
    session = botocore.session.get_session()
    session.set_credentials("k", "s")
    found = {region: regional_host(service, region) for region in REGIONS}
    wanted = {}
    for region in REGIONS:
        url = session.get_component("endpoint_resolver").construct_endpoint(service, region)["hostname"]
        wanted[region] = url
    assert found == {**wanted, **({"us-east-1": "s3.us-east-1.amazonaws.com"} if service == "s3" else {})}
    assert len(REGIONS) > 30


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, None),
        ({"AWS_ENDPOINT_URL": "http://all"}, "http://all"),
        ({"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_DYNAMODB": "http://one/"}, "http://one"),
        ({"AWS_ENDPOINT_URL_S3": "http://other"}, None),
        ({"AWS_ENDPOINT_URL": "http://all", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, None),
    ],
)
def test_an_endpoint_of_the_environment_is_botocores(
    given: dict[str, str], wanted: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert calls_module.endpoint("dynamodb") == wanted
    client = botocore.session.get_session().create_client("dynamodb", region_name="eu-central-1")
    assert client.meta.endpoint_url.rstrip("/") == (wanted or "https://dynamodb.eu-central-1.amazonaws.com")


@pytest.mark.parametrize("name", ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
def test_a_kind_of_endpoint_that_is_not_known_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "true")
    with pytest.raises(SettingsError, match="AWS_ENDPOINT_URL_DYNAMODB"):
        Calls("dynamodb")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://named")
    Calls("dynamodb")


@pytest.mark.parametrize("url", ["dynamodb.eu-central-1.amazonaws.com", "http://h:x"])
def test_an_endpoint_that_is_none_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(SettingsError, match="AWS_ENDPOINT_URL"):
        Calls("dynamodb")


def test_a_call_is_signed_and_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-2-3;Sampled=1")
    with ScriptedServer([answer(b"{}")]) as server:
        called(server, monkeypatch)
    headers = server.requests[0].headers
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=k/")
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token," in headers["authorization"]
    assert headers["x-amz-security-token"] == "token"
    assert headers["x-amzn-trace-id"] == "Root=1-2-3;Sampled=1"


@pytest.mark.parametrize(
    "fault",
    [
        error("ProvisionedThroughputExceededException"),
        error("ThrottlingException"),
        error("RequestLimitExceeded"),
        error("TransactionInProgressException"),
        error("InternalServerError", 500),
        answer(b"<html>busy</html>", 503),
        answer(b"", 429),
        answer(b"{}", headers="x-amz-crc32: 1\r\n"),
        b"no HTTP\r\n\r\n",
        CLOSE,
    ],
)
def test_what_passes_is_tried_again(fault: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = answer(b'{"a":1}', headers=_crc(b'{"a":1}'))
    with ScriptedServer([fault, fault, checked]) as server:
        assert called(server, monkeypatch) == b'{"a":1}'
    assert len(server.requests) == 3


def _crc(content: bytes) -> str:
    return f"x-amz-crc32: {zlib.crc32(content)}\r\n"


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (error("ProvisionedThroughputExceededException"), Throttled, "ProvisionedThroughputExceededException"),
        (error("InternalServerError", 500), Unavailable, "InternalServerError"),
        (answer(b"", 502), Unavailable, "502"),
        (answer(b"<html>busy</html>", 503), Unavailable, "503"),
        (CLOSE, Unavailable, "ConnectionResetError"),
    ],
)
def test_what_lasts_is_told_after_three_attempts(
    fault: bytes, kind: type[AwsError], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer([fault] * 3) as server, pytest.raises(kind) as raised:
        called(server, monkeypatch)
    assert len(server.requests) == 3
    assert type(raised.value) is kind
    assert raised.value.code == code


@pytest.mark.parametrize(
    "code", ["ResourceNotFoundException", "AccessDeniedException", "ValidationException", "ExpiredTokenException"]
)
def test_what_no_attempt_mends_is_told_at_once_as_botocore_tells_it(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer([error(code)]) as server, pytest.raises(AwsError) as raised:
        called(server, monkeypatch)
    assert type(raised.value) is AwsError
    assert (raised.value.code, raised.value.status) == (code, 400)
    assert raised.value.response["Error"] == {"Code": code, "Message": "why"}
    assert code in str(raised.value)


def test_no_attempt_begins_and_no_wait_ends_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "READ_SECONDS", 60.0)
    begin = time.monotonic()
    with ScriptedServer([HANG, HANG, HANG]) as server, pytest.raises(Unavailable) as raised:
        called(server, monkeypatch, seconds=0.3)
    assert time.monotonic() - begin < 5
    assert raised.value.code == "TimeoutError"
    assert len(server.requests) == 1


def test_a_service_that_hangs_is_asked_again_within_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "READ_SECONDS", 0.2)
    with ScriptedServer([HANG, answer(b"{}")]) as server:
        assert called(server, monkeypatch) == b"{}"
    assert [request.connection for request in server.requests] == [1, 2]


def test_nobody_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer([]) as server:
        pass
    with pytest.raises(Unavailable) as raised:
        called(server, monkeypatch)
    assert raised.value.code == "ConnectionRefusedError"


def test_pauses_are_random_and_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("eda_runtime.aws.calls.time.sleep", pauses.append)
    for _ in range(20):
        with ScriptedServer([error("ThrottlingException")] * 3) as server, pytest.raises(Throttled):
            called(server, monkeypatch)
    first, second = pauses[::2], pauses[1::2]
    assert 0 <= min(first) < max(first) <= 0.05 < max(second) <= 0.1
    assert len(set(pauses)) > 30


# Credentials.


def given(access_key: str, seconds: float, **changes: Any) -> bytes:
    expires = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = {"AccessKeyId": access_key, "SecretAccessKey": "s", "Token": "t", "Expiration": expires, **changes}
    return answer(json.dumps({name: value for name, value in told.items() if value is not None}).encode())


@pytest.fixture
def snapstart(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)


def test_credentials_of_the_environment_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t")
    assert provider()() == Credentials("k", "s", "t")


@pytest.mark.usefixtures("snapstart")
def test_no_credentials_are_an_error() -> None:
    with pytest.raises(NoCredentials):
        provider()


@pytest.mark.usefixtures("snapstart")
def test_credentials_of_the_endpoint_are_fetched_anew_before_they_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    long, short = 3600, container.REFRESH_SECONDS - 5
    with ScriptedServer([given("1", short), given("2", long)]) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/2021-04-23/credentials?x=y")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret")
        credentials = provider()
        assert server.connections == 0
        found = [credentials() for _ in range(4)]
    assert [each.access_key for each in found] == ["1", "2", "2", "2"]
    assert found[0] == Credentials("1", "s", "t")
    assert {request.path for request in server.requests} == {"/2021-04-23/credentials?x=y"}
    assert {request.headers["authorization"] for request in server.requests} == {"secret"}


@pytest.mark.usefixtures("snapstart")
def test_the_token_may_be_in_a_file_and_change(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    with ScriptedServer([given("1", 1), given("2", 1)]) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url)
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(file))
        credentials = provider()
        credentials()
        file.write_text("two")
        credentials()
        file.write_text("two\r\nx: y")
        with pytest.raises(NoCredentials, match="line break"):
            provider()()
    assert [request.headers["authorization"] for request in server.requests] == ["one", "two"]


@pytest.mark.usefixtures("snapstart")
def test_credentials_that_are_still_valid_are_used_while_their_endpoint_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    # Three attempts each; one more where a kept connection turns out to be closed.
    faults = [answer(b"", 500)] * 3 + [CLOSE] * 4
    with ScriptedServer([given("1", 300), *faults, given("2", 3600)]) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url)
        credentials = provider()
        assert credentials().access_key == "1"
        assert credentials().access_key == "1"
        monkeypatch.setattr("eda_runtime.aws.container.time.time", lambda: datetime.now(UTC).timestamp() + 301)
        with pytest.raises(NoCredentials):
            credentials()
        assert credentials().access_key == "2"


@pytest.mark.usefixtures("snapstart")
@pytest.mark.parametrize("told", [answer(b"", 403), answer(b"[]"), answer(b"no JSON"), given("1", 60, Expiration=None)])
def test_an_endpoint_that_gives_no_credentials_is_an_error(told: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer([told]) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url)
        with pytest.raises(NoCredentials):
            provider()()


@pytest.mark.usefixtures("snapstart")
def test_the_token_goes_unencrypted_to_no_other_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.org/")
    with pytest.raises(NoCredentials, match="https"):
        provider()
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://example.org/")
    provider()


# Objects.


def test_an_object_is_read_from_its_path_and_errors_are_s3s(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = b'<?xml version="1.0"?>\n<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>'
    with ScriptedServer([answer(b"content"), answer(missing, 404)]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        until = Objects("bucket").until(time.monotonic() + 10)
        assert until.get_object(Bucket="bucket", Key="a b/ü~")["Body"].read() == b"content"
        with pytest.raises(AwsError) as raised:
            until.get_object(Bucket="bucket", Key="x")
        with pytest.raises(ValueError, match="another"):
            until.get_object(Bucket="other", Key="x")
    assert raised.value.response["Error"] == {"Code": "NoSuchKey", "Message": "gone"}
    assert server.requests[0].path == "/bucket/a%20b/%C3%BC~"
    assert "x-amz-content-sha256" in server.requests[0].headers["authorization"]


@pytest.mark.parametrize(
    ("bucket", "authority", "path"),
    [
        ("bucket", "bucket.s3.eu-central-1.amazonaws.com", "/"),
        ("with.dot", "s3.eu-central-1.amazonaws.com", "/with.dot/"),
    ],
)
def test_a_bucket_has_a_host_of_its_own_where_its_name_lets_it(bucket: str, authority: str, path: str) -> None:
    objects = Objects(bucket)
    assert (objects._calls._connection.authority, objects._path) == (authority, path)
