"""Two callers never get each other's answers, whichever service authorised them; a refusal is an HTTP answer."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import (
    ALBEvent,
    APIGatewayProxyEvent,
    APIGatewayProxyEventV2,
    VPCLatticeEvent,
    VPCLatticeEventV2,
)
from eda_runtime.claim_check import ClaimCheck, transparent
from eda_runtime.http import (
    Problem,
    body_of,
    caller_of,
    header,
    is_http,
    json_body,
    method_of,
    path_of,
    query_of,
    response,
    tenant_of,
)
from eda_runtime.idempotency import FencedDynamoDBPersistenceLayer, Token, idempotent

from tests.runtime.memory_dynamodb import MemoryDynamoDB
from tests.runtime.test_idempotency_powertools import context

EVENTS = Path(__file__).parent / "events"
NAMES = sorted(file.stem for file in EVENTS.iterdir())
USERS = ("alice", "mallory")
Event = dict[str, Any]
Authorised = Callable[[Event, str], None]


def recorded(name: str) -> Event:
    event: Event = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def role(user: str) -> str:
    return f"arn:aws:sts::123456789012:assumed-role/{user}/session"


def token(user: str, issuer: str = "https://idp.example.com") -> str:
    """As a load balancer writes it, with padding."""

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()

    return ".".join([part({"alg": "ES256", "iss": issuer, "signer": "arn"}), part({"sub": user, "exp": 1}), "c2ln"])


def identity(**members: Any) -> Authorised:
    def authorise(event: Event, user: str) -> None:
        given = {name: value.format(user=user) for name, value in members.items()}
        event["requestContext"].setdefault("identity", {}).update(given)

    return authorise


def authoriser(make: Callable[[str], Any]) -> Authorised:
    def authorise(event: Event, user: str) -> None:
        event["requestContext"]["authorizer"] = make(user)

    return authorise


def headers(make: Callable[[str], dict[str, str]]) -> Authorised:
    def authorise(event: Event, user: str) -> None:
        given = make(user)
        if event.get("headers"):
            event["headers"].update(given)
        else:
            event["multiValueHeaders"].update({name: [value] for name, value in given.items()})

    return authorise


IAM = identity(userArn="arn:aws:sts::123456789012:assumed-role/{user}/session")
PRINCIPAL = authoriser(lambda user: {"principalId": user, "integrationLatency": 7})
OIDC = headers(lambda user: {"x-amzn-oidc-identity": user, "x-amzn-oidc-data": token(user)})
CASES: list[tuple[str, str, Authorised, str]] = [
    ("rest", "iam", IAM, "123456789012:alice"),
    ("rest", "cognito", authoriser(lambda user: {"claims": {"sub": user, "iss": "i"}}), "alice"),
    ("rest", "api key", identity(apiKeyId="{user}"), "key:alice"),
    ("rest", "lambda", PRINCIPAL, "principal:alice"),
    (
        "rest",
        "lambda with a member called claims",
        authoriser(lambda user: {"principalId": user, "claims": "{}"}),
        "principal:alice",
    ),
    ("http_api_1_0", "iam", IAM, "123456789012:alice"),
    (
        "http_api_1_0",
        "jwt",
        authoriser(lambda user: {"claims": {"sub": user, "iss": "i"}, "scopes": []}),
        "jwt:i#alice",
    ),
    ("http_api_1_0", "lambda", PRINCIPAL, "principal:alice"),
    ("http_api_1_0", "lambda context", authoriser(lambda user: {"name": user, "integrationLatency": 3}), "context:"),
    ("http_api_2_0", "iam", authoriser(lambda user: {"iam": {"userArn": role(user)}}), "123456789012:alice"),
    (
        "http_api_2_0",
        "jwt",
        authoriser(lambda user: {"jwt": {"claims": {"sub": user, "iss": "https://i.example"}, "scopes": None}}),
        "jwt:https://i.example#alice",
    ),
    ("http_api_2_0", "lambda context", authoriser(lambda user: {"lambda": {"key": user}}), "context:"),
    ("http_api_2_0", "lambda policy", authoriser(lambda user: {"lambda": {"principalId": user}}), "principal:alice"),
    (
        "http_api_2_0",
        "jwt without a subject",
        authoriser(lambda user: {"jwt": {"claims": {"client_id": user, "iss": "i", "exp": "1"}, "scopes": None}}),
        "claims:" + hashlib.sha256(b'{"client_id": "alice", "iss": "i"}').hexdigest(),
    ),
    ("http_api_2_0", "lambda subject", authoriser(lambda user: {"lambda": {"sub": user, "at": user}}), "jwt:#alice"),
    ("function_url", "iam", authoriser(lambda user: {"iam": {"userArn": role(user)}}), "123456789012:alice"),
    ("load_balancer", "oidc", OIDC, "jwt:https://idp.example.com#alice"),
    ("load_balancer", "oidc identity", headers(lambda user: {"X-Amzn-Oidc-Identity": user}), "oidc:alice"),
    (
        "load_balancer",
        "client certificate",
        headers(
            lambda user: {"x-amzn-mtls-clientcert-subject": f"CN={user}", "x-amzn-mtls-clientcert-issuer": "CN=ca"}
        ),
        "cert:CN%3Dca#CN%3Dalice",
    ),
    ("load_balancer_multi_value", "oidc", OIDC, "jwt:https://idp.example.com#alice"),
    (
        "lattice_1",
        "iam",
        headers(lambda user: {"x-amzn-lattice-identity": f"Principal={role(user)};PrincipalOrgID=o;SessionName=a\\;b"}),
        "123456789012:alice",
    ),
    (
        "lattice_2",
        "iam",
        identity(principal="arn:aws:sts::123456789012:assumed-role/{user}/s", type="AWS_IAM", sessionName="s"),
        "123456789012:alice",
    ),
    ("websocket", "lambda", PRINCIPAL, "principal:alice"),
    ("websocket", "iam", IAM, "123456789012:alice"),
]
PARAMETERS = pytest.mark.parametrize(
    ("name", "authorise", "tenant"),
    [(name, authorise, tenant) for name, _, authorise, tenant in CASES],
    ids=[f"{name} {how}" for name, how, _, _ in CASES],
)


def requested(name: str, authorise: Authorised, user: str) -> Event:
    event = recorded(name)
    authorise(event, user)
    return event


def handler(token: Token = Token.CLIENT, function: Any = None) -> Any:
    def answer(event: Event, _: Any) -> Any:
        return response(201, {"for": tenant_of(event)})

    store = FencedDynamoDBPersistenceLayer(table_name="records", boto3_client=MemoryDynamoDB())  # type: ignore[arg-type]  # a stand-in
    return idempotent(function or answer, persistence_store=store, key_prefix="f", token=token)


@PARAMETERS
@pytest.mark.parametrize("token", [Token.CLIENT, Token.PAYLOAD])
def test_each_caller_gets_its_own_answer(name: str, authorise: Authorised, tenant: str, token: Token) -> None:
    decorated = handler(token)
    first, other, again = (
        decorated(requested(name, authorise, user), context()) for user in ("alice", "mallory", "alice")
    )
    assert json.loads(first["body"])["for"].startswith(tenant)
    assert json.loads(other["body"])["for"] != json.loads(first["body"])["for"]
    assert "Idempotency-Replayed" not in other["headers"]
    assert again == {**first, "headers": {**first["headers"], "Idempotency-Replayed": "true"}}


@pytest.mark.parametrize("name", NAMES)
def test_a_request_that_nobody_authorised_is_everybodys(name: str) -> None:
    event = recorded(name)
    assert is_http(event)
    assert (tenant_of(event), caller_of(event)) == ("public", "public")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (identity(userArn="arn:aws:iam::1:user/a"), identity(userArn="arn:aws:iam::1:user/b")),
        (
            identity(userArn=role("pool"), cognitoIdentityId="eu:1"),
            identity(userArn=role("pool"), cognitoIdentityId="eu:2"),
        ),
        (
            authoriser(lambda _: {"jwt": {"claims": {"sub": "1", "iss": "https://a"}}}),
            authoriser(lambda _: {"jwt": {"claims": {"sub": "1", "iss": "https://b"}}}),
        ),
        (
            authoriser(lambda _: {"jwt": {"claims": {"sub": "b#c", "iss": "a"}}}),
            authoriser(lambda _: {"jwt": {"claims": {"sub": "c", "iss": "a#b"}}}),
        ),
        (
            authoriser(lambda _: {"iam": {"userArn": role("p"), "cognitoIdentity": {"identityId": "1"}}}),
            authoriser(lambda _: {"iam": {"userArn": role("p"), "cognitoIdentity": {"identityId": "2"}}}),
        ),
    ],
    ids=["users", "identity pool", "issuers", "separators", "identity pool 2.0"],
)
def test_callers_within_an_account_or_of_two_issuers_are_told_apart(one: Authorised, other: Authorised) -> None:
    given = recorded("http_api_2_0"), recorded("http_api_2_0")
    for event, authorise in zip(given, (one, other), strict=True):
        if "identity" in authorise.__qualname__:
            event.clear()
            event.update(recorded("rest"))
        authorise(event, "")
    assert caller_of(given[0]) != caller_of(given[1])


def test_a_roles_sessions_are_one_caller() -> None:
    sessions = [identity(userArn=f"arn:aws:sts::1:assumed-role/app/{number}") for number in range(2)]
    assert {caller_of(requested("rest", session, "")) for session in sessions} == {"1:app"}


def test_a_users_of_two_issuers_of_a_load_balancer_are_two() -> None:
    events = [recorded("load_balancer") for _ in range(2)]
    for event, issuer in zip(events, ("https://a", "https://b"), strict=True):
        event["headers"]["x-amzn-oidc-data"] = token("1", issuer)
    assert tenant_of(events[0]) != tenant_of(events[1])


UNKNOWN: list[tuple[str, Authorised]] = [
    ("rest", authoriser(lambda _: {"integrationLatency": 3})),
    ("rest", authoriser(lambda _: {"principalId": "", "role": "x"})),
    ("rest", authoriser(lambda _: "text")),
    ("rest", identity(userArn="no arn")),
    ("rest", identity(accessKey="AKIA")),
    ("http_api_1_0", authoriser(lambda _: {"integrationLatency": 3})),
    ("http_api_2_0", authoriser(lambda _: {"jwt": {"claims": {"iss": "i"}}})),
    ("http_api_2_0", authoriser(lambda _: {"lambda": None})),
    ("http_api_2_0", authoriser(lambda _: {"lambda": {}})),
    ("http_api_2_0", authoriser(lambda _: {"new": {"who": "alice"}})),
    ("http_api_2_0", authoriser(lambda _: {"iam": {"accessKey": "AKIA"}})),
    ("function_url", authoriser(lambda _: {"iam": {"userArn": "arn:aws:s3:::bucket"}})),
    ("load_balancer", headers(lambda _: {"x-amzn-oidc-data": "no.token.atall"})),
    ("load_balancer", headers(lambda _: {"x-amzn-oidc-data": token("a"), "x-amzn-oidc-identity": "b"})),
    ("load_balancer_multi_value", headers(lambda _: {"x-amzn-mtls-clientcert": "PEM"})),
    ("lattice_2", identity(type="AWS_IAM")),
    ("lattice_2", identity(principal="unheard-of", type="NEW")),
    ("lattice_1", headers(lambda _: {"x-amzn-lattice-identity": "SessionName=s"})),
    ("websocket", authoriser(lambda _: {"role": "x"})),
]


@pytest.mark.parametrize(("name", "authorise"), UNKNOWN, ids=[f"{i} {name}" for i, (name, _) in enumerate(UNKNOWN)])
def test_who_is_authorised_in_an_unknown_way_is_not_everybody(
    name: str, authorise: Authorised, caplog: pytest.LogCaptureFixture
) -> None:
    event = requested(name, authorise, "")
    with pytest.raises(Problem) as raised:
        tenant_of(event)
    assert raised.value.status == 500
    assert "the authoriser is not known" in caplog.text
    answer = handler()(event, context())
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"])["title"] == "Internal Server Error"


@pytest.mark.parametrize("name", NAMES)
def test_a_refusal_is_an_answer_in_the_form_of_its_service(name: str) -> None:
    decorated = handler()
    event = recorded(name)
    for given in ("headers", "multiValueHeaders"):
        for key in [key for key in event.get(given) or {} if key.lower() == "idempotency-key"]:
            del event[given][key]
    answer = decorated(event, context())
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["detail"] == "the Idempotency-Key header is missing"
    if name.startswith(("load_balancer", "lattice")):
        assert (answer["statusDescription"], answer["isBase64Encoded"]) == ("400 Bad Request", False)
    if name == "load_balancer_multi_value":
        assert answer["multiValueHeaders"]["Content-Type"] == ["application/problem+json"]
        assert "headers" not in answer
    else:
        assert answer["headers"]["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("name", [name for name in NAMES if name != "websocket"])
def test_method_path_query_headers_and_body_are_found(name: str) -> None:
    event = recorded(name)
    assert (method_of(event), path_of(event)) == ("POST", "/orders")
    assert header(event, "IDEMPOTENCY-key") == "key-1"
    assert header(event, "absent") is None
    assert json.loads(body_of(event)) == json_body(event, 1_000) == {"sku": "SKU-0001"}
    other = recorded(name)
    query = next((key for key in other if key.lower().replace("_", "").startswith(("query", "multivaluequery"))), "")
    assert set(query_of(event)) <= {"parameter1"}
    if query and other[query]:
        assert query_of(event)


def test_powertools_reads_the_same_of_each_event() -> None:
    for name, kind in (
        ("rest", APIGatewayProxyEvent),
        ("http_api_2_0", APIGatewayProxyEventV2),
        ("function_url", APIGatewayProxyEventV2),
        ("load_balancer", ALBEvent),
        ("lattice_1", VPCLatticeEvent),
        ("lattice_2", VPCLatticeEventV2),
    ):
        event = recorded(name)
        read = kind(event)
        assert (read.http_method, read.path) == (method_of(event), path_of(event))
        assert json.loads(read.decoded_body or "") == json_body(event, 1_000)


def test_a_body_is_compared_whatever_its_spacing_and_its_encoding() -> None:
    decorated = handler()
    event = recorded("function_url")
    assert decorated(event, context())["statusCode"] == 201
    for body, status in ((b'{"sku":"SKU-0001"}', 201), (b'{"sku":"SKU-0002"}', 422)):
        event["body"] = base64.b64encode(body).decode()
        assert decorated(event, context())["statusCode"] == status
    event |= {"body": '{ "sku" : "SKU-0001" }', "isBase64Encoded": False}
    assert decorated(event, context())["statusCode"] == 201


def test_a_body_that_is_not_what_the_event_says_is_400() -> None:
    event = recorded("rest") | {"body": "%%%", "isBase64Encoded": True}
    with pytest.raises(Problem) as raised:
        json_body(event, 1_000)
    assert raised.value.status == 400


def test_a_repeated_answer_that_is_the_body_alone_is_not_changed() -> None:
    """Payload format 2.0 makes an answer of what has no status."""
    for result in ({"order": 1}, "text", [1, 2], None):
        decorated = handler(function=lambda event, _, result=result: result)
        assert [decorated(recorded("http_api_2_0"), context()) for _ in range(2)] == [result, result]


def test_a_repeated_answer_says_so_where_its_service_reads_it() -> None:
    given = {"statusCode": 200, "multiValueHeaders": {"Set-Cookie": ["a", "b"]}, "body": ""}
    decorated = handler(function=lambda event, _: given)
    decorated(recorded("load_balancer_multi_value"), context())
    again = decorated(recorded("load_balancer_multi_value"), context())
    assert again["multiValueHeaders"] == {"Set-Cookie": ["a", "b"], "Idempotency-Replayed": ["true"]}
    assert "headers" not in again


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_is_never_offloaded(name: str) -> None:
    store = ClaimCheck(lambda: None, "bucket", budget=1_000)
    answer = response(200, "x" * 5_000)
    assert transparent(lambda event, _: answer, store)(recorded(name), None) == answer


def test_an_authorisers_own_event_is_no_request() -> None:
    assert not is_http({"type": "REQUEST", "methodArn": "arn", "httpMethod": "GET", "requestContext": {}})
    for event in (None, [], "x", {}, {"requestContext": "x"}, {"method": "GET"}, {"requestContext": {"stage": "x"}}):
        assert not is_http(event)
