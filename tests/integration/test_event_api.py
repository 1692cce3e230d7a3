"""Who may call an API and from where: authorisers of any kind, pages of other origins, a domain of one's own, bodies
that are too long; and a workflow that a function starts by its link."""

import base64
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from eda_sandbox import Fault, FaultKind
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import Stack

from tests.conftest import Deploy
from tests.runtime.certificates import Authority
from tests.runtime.scripted_server import ScriptedServer, answer
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("hurried")

PROGRAM = """
import pulumi, pulumi_aws as aws
from pulumi_aws_eda import CallbackWorkflow, EventApi, IdempotentLambda, link

def made(name):
    return IdempotentLambda(name, code="code", handler=f"handler.{name}", memory_size=512, timeout=30)

def route(function):
    return {"function": {"function_name": function.function_name, "invoke_arn": function.invoke_arn}}

who, gate, call = made("who"), made("gate"), made("call")
rows = aws.dynamodb.Table("rows", hash_key="incident_id", billing_mode="PAY_PER_REQUEST",
                          attributes=[{"name": "incident_id", "type": "S"}])
workflow = CallbackWorkflow("workflow", call_function_arn=call.function_arn, table_name=rows.name, table_arn=rows.arn,
                            key="incident_id", waiting_status="AWAITING_PARTS",
                            steps_before_wait=[{"name": "prices", "function_arn": call.function_arn,
                                                "items": "result.lines", "max_concurrency": 2}],
                            steps_after_wait=[{"name": "total", "function_arn": call.function_arn}])
begin = IdempotentLambda("begin", code="code", handler="handler.begin", memory_size=512, timeout=60,
                         links={"incidents": link(workflow, "start", "resume")})
incidents = {"workflow": {"state_machine_arn": workflow.state_machine_arn, "table_name": rows.name,
                          "table_arn": rows.arn, "key": "incident_id", "location": "/incidents/{id}"}}
gatekeeper = {"function_name": gate.function_name, "invoke_arn": gate.invoke_arn}
shop = EventApi(
    "shop",
    routes={"GET /who/{name}": route(who), "POST /who": route(who), "POST /incidents": incidents},
    authorization="LAMBDA",
    lambda_authorizer={**gatekeeper, "identity_sources": ["method.request.header.X-Who"]},
    cors={"allow_origins": ["https://a.example", "https://b.example"], "max_age": 60},
    domain={"domain_name": "api.example.com", "base_path": "shop",
            "certificate_arn": "arn:aws:acm:eu-central-1:123456789012:certificate/c"},
    stage_name="live",
    maximum_request_bytes=100,
)
tokens = EventApi(
    "tokens",
    routes={"GET /who": route(who)},
    authorization="LAMBDA",
    lambda_authorizer={**gatekeeper, "type": "TOKEN", "validation_expression": "[a-z]+", "cache_seconds": 0},
    cors={"allow_origins": ["*"]},
)
jwt = EventApi("jwt", routes={"GET /who": route(who)}, authorization="JWT",
               jwt_authorizer={"issuer": pulumi.Config().require("issuer"), "audience": ["shop"]})
for name, value in {"shop": shop.url, "domain": shop.domain_url, "tokens": tokens.url, "jwt": jwt.url,
                    "target": shop.domain_target_name, "begin": begin.function_name, "rows": rows.name,
                    "machine": workflow.state_machine_arn}.items():
    pulumi.export(name, value)
"""
HANDLER = """
from botocore.exceptions import ClientError
from eda_runtime import links, workflow
from eda_runtime.http import Problem, response, tenant_of

def who(event, context):
    if event["httpMethod"] == "GET" and (event["pathParameters"] or {}).get("name") == "missing":
        raise Problem(404, "there is no such caller")
    request = event["requestContext"]
    told = request["authorizer"]
    return response(200, {"tenant": tenant_of(event), "path": request["path"], "domain": request["domainName"],
                          "plan": told.get("plan"), "asked": told.get("asked")})

def gate(event, context):
    name = event.get("authorizationToken") or event["headers"]["X-Who"]
    if name == "nobody":
        raise Exception("Unauthorized")
    if name == "broken":
        raise RuntimeError("no database")
    if name == "odd":
        return {"principalId": name}
    everything = "/".join(event["methodArn"].split("/")[:2]) + "/*"
    statement = {"Action": "execute-api:Invoke", "Effect": "Deny" if name == "banned" else "Allow",
                 "Resource": event["methodArn"] if name == "narrow" else everything}
    return {"principalId": name, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "context": {"plan": 7, "asked": context.aws_request_id}}

def call(event, context):
    if "item" in event:
        return {"result": event["item"] * 10}
    if "callback" in event:
        return {"result": sum(event["results"]["prices"]) + event["callback"]["screw"]}
    return {"result": {"site": event["payload"]["site"], "lines": [3, 1, 2]}}

def begin(event, context):
    incidents = links.incidents
    if "parts" in event:
        return incidents.callbacks().deliver(event["id"], event["parts"]).value
    try:
        return incidents.start(event["id"], {"site": event["site"]}).value
    except workflow.OtherPayload:
        return "other payload"
"""
A, B, OTHER = "https://a.example", "https://b.example", "https://c.example"
ALLOW, EXPOSE = "access-control-allow-origin", "access-control-expose-headers"
KEY = rsa.generate_private_key(65537, 2048)


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def token(issuer: str, **claims: Any) -> str:
    given = {"iss": issuer, "aud": "shop", "sub": "ann", "exp": int(time.time()) + 600, "level": 3, **claims}
    head = {"alg": "RS256", "kid": "k"}
    signed = ".".join(base64url(json.dumps(part).encode()) for part in (head, given))
    return f"{signed}.{base64url(KEY.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """An OpenID Connect issuer: its URL, and the authority that signed its certificate."""
    authority = Authority(tmp_path_factory.mktemp("issuer"))
    numbers = KEY.public_key().public_numbers()
    n, e = (base64url(number.to_bytes(256, "big").lstrip(b"\0")) for number in (numbers.n, numbers.e))
    keys = json.dumps({"keys": [{"kty": "RSA", "kid": "k", "use": "sig", "n": n, "e": e}]}).encode()
    told: list[bytes] = []
    # Every environment of the function asks for the configuration, then for the keys.
    server = ScriptedServer((told[turn % 2] for turn in itertools.count()), authority.context("localhost"))
    about = json.dumps({"issuer": server.url, "jwks_uri": f"{server.url}/keys"}).encode()
    told += [answer(about), answer(keys)]
    with server:
        yield server.url, authority.file


@pytest.fixture(scope="module")
def stack(
    aws: Sandbox, deploy_here: Deploy, tmp_path_factory: pytest.TempPathFactory, issuer: tuple[str, Path]
) -> Stack:
    folder = tmp_path_factory.mktemp("api")
    (folder / "code").mkdir()
    (folder / "code" / "handler.py").write_text(HANDLER)
    (folder / "Pulumi.yaml").write_text("name: api\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    made = deploy_here(folder / "__main__.py", "test", {"issuer": issuer[0]})
    # The function trusts the issuer's authority, as it does everybody's on AWS.
    functions = aws.client("lambda")
    names = [found["FunctionName"] for found in functions.list_functions()["Functions"]]
    name = next(name for name in names if "jwt-authorizer" in name)
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**variables, "SSL_CERT_FILE": str(issuer[1])}}
    )
    return made


def ask(url: str, method: str = "GET", body: str = "", **headers: str) -> tuple[int, Any, Any]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    got = urllib3.request(method, url, body=body.encode() or None, headers=sent, retries=False, timeout=60)
    return got.status, json.loads(got.data) if got.data else None, got.headers


def test_a_preflight_is_answered_by_the_gateway_for_those_origins_alone(stack: Stack) -> None:
    url = stack.outputs["shop"] + "/who/ann"
    for origin in (A, B):
        status, body, headers = ask(url, "OPTIONS", origin=origin, Access_Control_Request_Method="GET")
        assert (status, body, headers[ALLOW], headers["vary"]) == (204, None, origin, "Origin")
        assert headers["access-control-allow-methods"] == "GET"
        assert headers["access-control-max-age"] == "60"
        assert "Idempotency-Key" in headers["access-control-allow-headers"].split(",")
    assert ALLOW not in ask(url, "OPTIONS", Origin=OTHER)[2]
    assert ask(stack.outputs["tokens"] + "/who", "OPTIONS", Origin=OTHER)[2][ALLOW] == "*"


def test_every_answer_can_be_read_by_a_page_of_an_allowed_origin(stack: Stack) -> None:
    shop = stack.outputs["shop"]
    for status, url in ((200, "/who/ann"), (404, "/who/missing")):
        for origin, allowed in ((A, A), (B, B), (OTHER, None)):
            got, _, headers = ask(shop + url, X_Who="ann", Origin=origin)
            assert (got, headers.get(ALLOW)) == (status, allowed)
            assert headers[EXPOSE] == "Location,Retry-After,X-Correlation-Id"
    post = {"method": "POST", "body": '{"site": "s"}', "X_Who": "ann", "Content_Type": "application/json"}
    accepted = ask(f"{shop}/incidents", **post, Origin=B, Idempotency_Key="pages")
    assert (accepted[0], accepted[2][ALLOW], accepted[2]["vary"]) == (202, B, "Origin")
    refused = ask(f"{shop}/incidents", **post, Origin=A)
    assert (refused[0], refused[2][ALLOW]) == (400, A)
    # The gateway's own errors hold nothing of anybody, and know no choice of origins.
    for status, got in ((401, ask(f"{shop}/who/ann", Origin=A)), (403, ask(f"{shop}/nowhere", Origin=A))):
        assert (got[0], got[2][ALLOW], got[2]["content-type"]) == (status, "*", "application/problem+json")
    assert ask(stack.outputs["tokens"] + "/who", Authorization="ann", Origin=OTHER)[2][ALLOW] == "*"


def test_a_function_decides_who_may_call_and_its_answer_is_kept(stack: Stack) -> None:
    shop = stack.outputs["shop"]
    first = ask(f"{shop}/who/ann", X_Who="ann")[1]
    assert (first["tenant"], first["plan"]) == ("principal:ann", "7")
    # The same answer for another route, and another one for another caller.
    again = ask(f"{shop}/who", "POST", "{}", X_Who="ann")[1]
    assert (again["tenant"], again["asked"]) == ("principal:ann", first["asked"])
    assert ask(f"{shop}/who/bob", X_Who="bob")[1]["asked"] != first["asked"]
    refusals = {None: 401, "nobody": 401, "banned": 403, "broken": 503, "odd": 503}
    for name, status in refusals.items():
        got, body, headers = ask(f"{shop}/who/ann", **({"X_Who": name} if name else {}))
        assert (got, body["status"], headers["content-type"]) == (status, status, "application/problem+json")
    assert ask(f"{shop}/who/ann", X_Who="narrow")[0] == 200
    assert ask(f"{shop}/who/bob", X_Who="narrow")[0] == 403


def test_a_token_is_looked_at_before_the_function_is_asked(stack: Stack) -> None:
    url = stack.outputs["tokens"] + "/who"
    first, second = (ask(url, Authorization="ann")[1] for _ in range(2))
    assert first["tenant"] == second["tenant"] == "principal:ann"
    assert first["asked"] != second["asked"]
    assert [ask(url, Authorization=given)[0] for given in ("ANN", "nobody", "banned")] == [401, 401, 403]
    assert ask(url)[0] == 401


def test_a_token_of_the_issuer_lets_in_and_names_the_caller(stack: Stack, issuer: tuple[str, Path]) -> None:
    url = stack.outputs["jwt"] + "/who"
    status, body, _ = ask(url, Authorization=f"Bearer {token(issuer[0])}")
    assert (status, body["tenant"]) == (200, f"principal:{issuer[0]}#ann")
    assert ask(url, Authorization=token(issuer[0], sub="b#b"))[1]["tenant"].endswith("#b%23b")
    # No claim takes the caller's place.
    assert ask(url, Authorization=token(issuer[0], principalId="bob", claims="bob"))[1]["tenant"].endswith("#ann")
    good = token(issuer[0])
    refused = [
        token(issuer[0], exp=int(time.time()) - 1),
        token(issuer[0], aud="other"),
        token("https://else.example"),
        good[:-8] + ("AAAAAAAA" if good[-8:] != "AAAAAAAA" else "BBBBBBBB"),
        "x.y.z",
    ]
    for given in refused:
        got, body, _ = ask(url, Authorization=f"Bearer {given}")
        assert (got, body["title"]) == (401, "Unauthorized")
    assert ask(url)[0] == 401


def test_a_domain_of_its_own_leads_to_the_stage_by_its_base_path(stack: Stack) -> None:
    assert stack.outputs["domain"] == "https://api.example.com/shop"
    assert stack.outputs["target"].startswith("d-")
    assert stack.outputs["shop"].endswith("/live")
    root = stack.outputs["shop"].split("/_aws/")[0]
    _, body, _ = ask(f"{root}/shop/who/ann", X_Who="ann", Host="api.example.com")
    assert (body["path"], body["domain"]) == ("/shop/who/ann", "api.example.com")
    assert ask(f"{root}/who/ann", X_Who="ann", Host="api.example.com")[0] == 403


def test_what_is_longer_than_the_api_takes_is_refused(stack: Stack) -> None:
    shop = stack.outputs["shop"]
    # 100 and 101 bytes, of characters that have one to four.
    for text in ("x" * 89, "ä" * 44 + "x", "€" * 29 + "xx", "😀" * 22 + "x"):
        fits = json.dumps({"site": text}, ensure_ascii=False, separators=(",", ":"))
        assert len(fits.encode()) == 100
        for body, statuses in ((fits, (200, 202)), (fits + " ", (413, 413))):
            function = ask(f"{shop}/who", "POST", body, X_Who="ann")
            key = {"Idempotency_Key": f"size-{len(text)}", "Content_Type": "application/json"}
            workflow = ask(f"{shop}/incidents", "POST", body, X_Who="ann", **key)
            assert (function[0], workflow[0]) == statuses, (text[:1], function[1], workflow[1])


def test_callers_have_rows_of_their_own(aws: Sandbox, stack: Stack) -> None:
    url, body = stack.outputs["shop"] + "/incidents", '{"site": "s"}'
    ids = [
        ask(url, "POST", body, X_Who=name, Idempotency_Key=key, Content_Type="application/json")[2]["location"]
        # Whatever divides a caller and a key, no two of them read like two others.
        for name, key in (("ann", "same"), ("bob", "same"), ("ann", "same"), ("c|d", "e"), ("c", "d|e"), ("c", "d%7Ce"))
    ]
    assert ids[0] == ids[2]
    assert len(set(ids)) == 5
    [row] = [row for row in rows(aws, stack) if row["incident_id"]["S"] in ids[1]]
    assert row["tenant"] == {"S": "principal:bob"}


def rows(aws: Sandbox, stack: Stack) -> list[Any]:
    found: list[Any] = aws.client("dynamodb").scan(TableName=stack.outputs["rows"])["Items"]
    return found


def begin(aws: Sandbox, stack: Stack, **event: Any) -> Any:
    got = aws.client("lambda").invoke(FunctionName=stack.outputs["begin"], Payload=json.dumps(event))
    said = json.loads(got["Payload"].read())
    assert "FunctionError" not in got, said
    return said


def test_a_function_starts_a_workflow_once_however_often_it_is_told_to(aws: Sandbox, stack: Stack) -> None:
    table = stack.outputs["rows"].encode()
    for operation in ("PutItem", "UpdateItem"):
        aws.faults.add(
            Fault(FaultKind.LOST_ANSWER, "dynamodb", operation, times=1, matching=lambda it: table in it.body)
        )
    aws.faults.add(Fault(FaultKind.LOST_ANSWER, "stepfunctions", "StartExecution", times=1))
    try:
        assert begin(aws, stack, id="i-1", site="s") == "started"
    finally:
        aws.faults.clear()
    assert begin(aws, stack, id="i-1", site="s") == "repeated"
    assert begin(aws, stack, id="i-1", site="other") == "other payload"

    def status() -> str:
        return next(row["status"]["S"] for row in rows(aws, stack) if row["incident_id"]["S"] == "i-1")

    wait_until(lambda: status() == "AWAITING_PARTS", "it waits")
    assert begin(aws, stack, id="i-1", parts={"screw": 1}) == "accepted"
    wait_until(lambda: status() == "COMPLETED", "it is done")
    row = next(row for row in rows(aws, stack) if row["incident_id"]["S"] == "i-1")
    # Each item's in its place, and what came before is there for what comes after.
    assert json.loads(row["results"]["S"]) == {"prices": [30, 10, 20], "total": 61}
    assert begin(aws, stack, id="i-1", site="s") == "repeated"
    executions = aws.client("stepfunctions").list_executions(stateMachineArn=stack.outputs["machine"])["executions"]
    assert [found["status"] for found in executions if found["name"] == "i-1"] == ["SUCCEEDED"]
