"""EventApi: its document, children and errors."""

import json
import re
from typing import Any

import pytest
from eda_sandbox.services.apigateway import openapi
from eda_sandbox.services.stepfunctions.definition import parse
from pulumi_aws_eda import ArgumentError, Authorization, EventApi
from pulumi_aws_eda._parts.api import request_template
from pulumi_aws_eda.testing import Recording, record

from tests.unit.component_cases import FUNCTION, MACHINE, TABLE

INVOKE = f"arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"
GET: dict[str, Any] = {"GET /orders/{order_id}": {"function": {"function_name": "get", "invoke_arn": INVOKE}}}
POST: dict[str, Any] = {
    "POST /orders": {
        "workflow": {
            "state_machine_arn": MACHINE,
            "table_name": "orders",
            "table_arn": TABLE,
            "location": "/orders/{id}",
        },
        "request_schema": {"type": "object"},
    }
}
BUS = {"event_bus_name": "b", "event_bus_arn": "arn:b", "source": "s", "detail_type": "Sent"}


def make(**args: Any) -> Recording:
    return record(lambda: EventApi("a", {"routes": {**GET, **POST}, **args}))


def document(made: Recording) -> dict[str, Any]:
    found: dict[str, Any] = made.one("aws:apigateway/restApi:RestApi").json("body")
    return found


def test_the_document_is_one_that_api_gateway_imports() -> None:
    body = make().one("aws:apigateway/restApi:RestApi").inputs["body"]
    imported = openapi.parse(body.encode(), "api")
    assert imported.warnings == []
    paths = {resource.path: set(resource.resource_methods) for resource in imported.definition.resources.values()}
    assert paths == {"/": set(), "/orders": {"POST"}, "/orders/{order_id}": {"GET"}}


def test_routes_are_authorised_and_validated() -> None:
    for path in document(make())["paths"].values():
        for operation in path.values():
            assert operation["security"] == [{"sigv4": []}]
            # The gateway's check of headers knows one spelling, and HTTP/2 clients send another.
            has_headers = any(parameter["in"] == "header" for parameter in operation["parameters"])
            assert operation["x-amazon-apigateway-request-validator"] == ("body" if has_headers else "all")
    post = document(make())["paths"]["/orders"]["post"]
    assert {p["name"]: p["required"] for p in post["parameters"]} == {
        "Idempotency-Key": True,
        "X-Correlation-Id": False,
        "traceparent": False,
    }


def test_a_workflow_route_is_called_by_the_gateway_itself() -> None:
    made = make()
    integration = document(made)["paths"]["/orders"]["post"]["x-amazon-apigateway-integration"]
    assert integration["uri"].endswith(":states:action/StartSyncExecution")
    assert not [name for kind, name in made.names() if kind == "aws:lambda/function:Function"]
    machine = made.one("aws:sfn/stateMachine:StateMachine").inputs
    assert machine["type"] == "EXPRESS"
    states = parse(machine["definition"])["States"]
    assert states["PutRow"]["Parameters"]["ConditionExpression"] == "attribute_not_exists(#key)"
    assert made.statements("a-post-orders-admission")["Start"]["Resource"] == [MACHINE]
    stream = made.one("aws:cloudwatch/logStream:LogStream", "a-post-orders-admission-requests").inputs
    assert (stream["name"], stream["logGroupName"]) == (
        "requests",
        "/aws/vendedlogs/states/project-test-a-post-orders-admission",
    )
    written = made.statements("a-post-orders-admission")["WriteRequests"]
    assert (written["Action"], len(written["Resource"])) == (["logs:PutLogEvents"], 1)
    assert made.statements("a-post-orders-caller")["Admit"]["Action"] == ["states:StartSyncExecution"]


@pytest.mark.parametrize(
    ("schema", "open"),
    [
        ({"type": "object", "additionalProperties": False, "properties": {"n": {"type": "integer"}}}, False),
        ({"type": "object", "additionalProperties": False, "properties": {"n": {"type": ["number", "null"]}}}, True),
        ({"type": "object", "properties": {"n": {"type": "integer"}}}, True),
        ({"type": "object", "additionalProperties": {"type": "string"}}, False),
        ({"type": "object", "additionalProperties": False, "patternProperties": {"^n": {"type": "number"}}}, True),
        ({"type": "object", "additionalProperties": False, "properties": {"n": {}}}, True),
        ({"type": "array", "items": {"type": "integer"}}, False),
        ({"type": "array"}, True),
        ({"type": "array", "items": [{"type": "integer"}], "additionalItems": False}, False),
        ({"type": "array", "items": [{"type": "integer"}]}, True),
        ({"$ref": "elsewhere"}, True),
        ({}, True),
    ],
)
def test_fractions_are_taken_where_a_schema_leaves_room_for_one(schema: dict[str, Any], open: bool) -> None:
    assert request_template.takes_fractions(schema) is open


def test_a_workflow_route_without_a_schema_takes_objects() -> None:
    made = record(lambda: EventApi("a", {"routes": {"POST /orders": {"workflow": POST["POST /orders"]["workflow"]}}}))
    content = document(made)["paths"]["/orders"]["post"]["requestBody"]["content"]
    assert content == {"application/json": {"schema": {"type": "object"}}}


def test_the_gateways_own_errors_are_problems_with_their_content_type() -> None:
    for kind, response in document(make())["x-amazon-apigateway-gateway-responses"].items():
        body = json.loads(response["responseTemplates"]["application/json"])
        assert str(body["status"]) == response["statusCode"], kind
        assert response["responseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
        waits = "gatewayresponse.header.Retry-After" in response["responseParameters"]
        assert waits == (body["status"] in (429, 503, 504)), kind


def test_a_new_document_makes_a_new_deployment() -> None:
    first = make().one("aws:apigateway/deployment:Deployment").inputs["triggers"]
    same = make().one("aws:apigateway/deployment:Deployment").inputs["triggers"]
    other = (
        record(lambda: EventApi("a", {"routes": GET})).one("aws:apigateway/deployment:Deployment").inputs["triggers"]
    )
    assert first == same != other


def test_the_function_may_be_invoked_by_its_route_alone() -> None:
    permission = make().one("aws:lambda/permission:Permission").inputs
    assert permission["principal"] == "apigateway.amazonaws.com"
    assert permission["sourceArn"].endswith("/v1/GET/orders/*")


def test_functions_have_one_permission_for_all_of_their_routes() -> None:
    routes = {f"GET /things/{number}": GET["GET /orders/{order_id}"] for number in range(60)}
    permission = make(routes=routes).one("aws:lambda/permission:Permission").inputs
    assert permission["sourceArn"].endswith("/v1/GET/things/*")


def test_a_routes_own_throttle_is_set_at_its_method() -> None:
    limited = {"GET /orders/{order_id}": {**GET["GET /orders/{order_id}"], "throttling_burst_limit": 5}}
    found = make(routes=limited).of("aws:apigateway/methodSettings:MethodSettings").values()
    by_path = {setting.inputs["methodPath"]: setting.inputs["settings"] for setting in found}
    assert by_path == {
        "*/*": {"throttlingRateLimit": 100, "throttlingBurstLimit": 50},
        "~1orders~1{order_id}/GET": {"throttlingRateLimit": 100, "throttlingBurstLimit": 5},
    }


def test_parameters_of_any_name_are_declared() -> None:
    routes = {"GET /a/{b-c}/{d.e}/{f+}": GET["GET /orders/{order_id}"]}
    (operation,) = document(make(routes=routes))["paths"]["/a/{b-c}/{d.e}/{f+}"].values()
    assert [parameter["name"] for parameter in operation["parameters"]] == ["b-c", "d.e", "f"]


def test_routes_that_differ_in_a_separator_have_resources_of_their_own() -> None:
    alike = ("/a-b", "/a/b", "/a_b", "/{a}/{b}", "/A/b")
    limited = {f"POST {path}": {**POST["POST /orders"], "throttling_burst_limit": 5} for path in alike}
    made = make(routes=limited)
    assert len(made.of("aws:sfn/stateMachine:StateMachine")) == len(alike)
    names = [found.inputs["name"] for found in made.of("aws:iam/role:Role").values()]
    assert len(set(names)) == len(names) == 2 * len(alike)


def test_throttling_and_access_log_are_set() -> None:
    made = make(throttling_rate_limit=10, throttling_burst_limit=5)
    settings = made.one("aws:apigateway/methodSettings:MethodSettings").inputs["settings"]
    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (10, 5)
    log = made.one("aws:apigateway/stage:Stage").inputs["accessLogSettings"]
    assert json.loads(log["format"])["request_id"] == "$context.requestId"


@pytest.mark.parametrize(
    ("authorization", "scheme"),
    [(Authorization.COGNITO, "cognito"), (Authorization.API_KEY, "api_key"), (Authorization.NONE, None)],
)
def test_other_authorisation_is_a_typed_choice(authorization: Authorization, scheme: str | None) -> None:
    pools = ["arn:aws:cognito-idp:eu-central-1:123456789012:userpool/p"]
    body = document(make(authorization=authorization, user_pool_arns=pools))
    assert list(body["components"]["securitySchemes"]) == ([scheme] if scheme else [])
    assert body["paths"]["/orders"]["post"]["security"] == ([{scheme: []}] if scheme else [])
    assert openapi.parse(json.dumps(body).encode(), "api").warnings == []


GATE: dict[str, Any] = {"function_name": "gate", "invoke_arn": INVOKE}
JWT: dict[str, Any] = {"issuer": "https://login.example.com/", "audience": ["orders"]}
PAGES: dict[str, Any] = {"allow_origins": ["https://a.example", "http://localhost:3000"]}
DOMAIN: dict[str, Any] = {"domain_name": "api.example.com", "certificate_arn": "arn:aws:acm:x:1:certificate/c"}


@pytest.mark.parametrize(
    ("args", "kind", "source", "asked"),
    [
        ({"lambda_authorizer": GATE}, "REQUEST", "method.request.header.Authorization", "gate"),
        (
            {"lambda_authorizer": {**GATE, "identity_sources": ["method.request.header.X", "context.httpMethod"]}},
            "REQUEST",
            "method.request.header.X,context.httpMethod",
            "gate",
        ),
        ({"lambda_authorizer": {**GATE, "type": "TOKEN"}}, "TOKEN", "method.request.header.Authorization", "gate"),
        ({"jwt_authorizer": JWT}, "TOKEN", "method.request.header.Authorization", "project-test-a-authorizer"),
    ],
)
def test_a_function_decides_who_may_call(args: dict[str, Any], kind: str, source: str, asked: str) -> None:
    made = make(authorization="JWT" if "jwt_authorizer" in args else "LAMBDA", **args)
    # The recording's own invoke ARNs are none that API Gateway knows.
    body = json.dumps(document(made)).replace(
        ":lambda:path/project-test-a-authorizer", INVOKE.partition("central-1")[2]
    )
    imported = openapi.parse(body.encode(), "api")
    [found] = imported.definition.authorizers.values()
    assert (found.type, found.identity_source, found.authorizer_result_ttl_in_seconds) == (kind, source, 300)
    methods = [method for it in imported.definition.resources.values() for method in it.resource_methods.values()]
    assert {(method.authorization_type, method.authorizer_id) for method in methods} == {("CUSTOM", found.id)}
    permission = made.one("aws:lambda/permission:Permission", "a-authorizer").inputs
    assert permission["sourceArn"].endswith("/authorizers/*")
    assert permission["function"].startswith(asked)
    template = document(made)["paths"]["/orders"]["post"]["x-amazon-apigateway-integration"]["requestTemplates"]
    assert "principal:${context.authorizer.principalId}" in template["application/json"]


def test_preflights_are_open_and_the_methods_of_their_path() -> None:
    paths = document(make(cors=PAGES))["paths"]
    assert {path: sorted(methods) for path, methods in paths.items()} == {
        "/orders": ["options", "post"],
        "/orders/{order_id}": ["get", "options"],
    }
    for methods in paths.values():
        assert methods["options"]["security"] == []
    ids = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert len(set(ids)) == len(ids)


def variables(**args: Any) -> dict[str, str]:
    found: dict[str, str] = make(**args).one("aws:apigateway/stage:Stage").inputs["variables"]
    # What API Gateway's API reference says of a variable's value.
    assert all(re.fullmatch("[A-Za-z0-9-._~:/?#&=,]+", value) for value in found.values())
    return found


def test_functions_are_told_by_the_stage_what_the_gateway_does_not_do_for_them() -> None:
    assert variables(cors=PAGES, maximum_request_bytes=5000) == {
        "eda_cors_origins": "https://a.example,http://localhost:3000",
        "eda_cors_exposed": "Location,Retry-After,X-Correlation-Id",
        "eda_maximum_request_bytes": "5000",
    }
    assert variables(cors={"allow_origins": ["*"], "expose_headers": ["X"]}) == {
        "eda_cors_origins": "any",
        "eda_cors_exposed": "X",
    }


def test_what_is_not_asked_for_changes_nothing() -> None:
    made = make()
    assert "variables" not in made.one("aws:apigateway/stage:Stage").inputs
    assert not made.of("aws:apigateway/domainName:DomainName")
    assert "$bytes" not in json.dumps(document(made)["paths"])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"authorization": "LAMBDA"}, "'lambda_authorizer' is missing; LAMBDA needs it"),
        ({"authorization": "JWT"}, "'jwt_authorizer' is missing; JWT needs it"),
        ({"lambda_authorizer": GATE}, "'lambda_authorizer' is of the authorization LAMBDA, not of AWS_IAM"),
        (
            {"authorization": "LAMBDA", "lambda_authorizer": {**GATE, "identity_sources": ["Authorization"]}},
            "has 'Authorization'; one is 'method.request.header.Authorization'",
        ),
        (
            {
                "authorization": "LAMBDA",
                "lambda_authorizer": {**GATE, "type": "TOKEN", "identity_sources": ["method.request.querystring.t"]},
            },
            "must be one header for a TOKEN",
        ),
        (
            {"authorization": "LAMBDA", "lambda_authorizer": {**GATE, "validation_expression": ".*"}},
            "'validation_expression' is of a TOKEN",
        ),
        (
            {"authorization": "LAMBDA", "lambda_authorizer": {**GATE, "cache_seconds": 3601}},
            "'cache_seconds' is 3601",
        ),
        ({"authorization": "JWT", "jwt_authorizer": {**JWT, "issuer": "http://x"}}, "must be an https URL"),
        ({"authorization": "JWT", "jwt_authorizer": {**JWT, "audience": []}}, "must be a list of one or more"),
        ({"cors": {"allow_origins": []}}, "'allow_origins' is empty"),
        ({"cors": {"allow_origins": ["https://a.example/"]}}, "it must be a scheme and a host"),
        ({"cors": {"allow_origins": ["*", "https://a.example"]}}, "has '*'; it must be a scheme and a host"),
        ({"cors": {**PAGES, "allow_methods": ["get"]}}, "has 'get'; allowed are DELETE"),
        ({"cors": {**PAGES, "expose_headers": ["a'b"]}}, "which is no header's name"),
        ({"cors": {"allow_origins": [f"https://{n:0>60}.example" for n in range(9)]}}, "allowed are 512"),
        ({"domain": {**DOMAIN, "base_path": "/v1"}}, "must be one part of a path"),
        ({"domain": {"domain_name": "x"}}, "'certificate_arn' is missing"),
        ({"stage_name": "a.b"}, "'stage_name' is 'a.b'"),
        ({"maximum_request_bytes": 0}, "'maximum_request_bytes' is 0; allowed are whole numbers from 1 to 10485760"),
        (
            {
                "routes": {
                    "POST /x/{a}/y": {
                        "workflow": {**POST["POST /orders"]["workflow"], "location": "/x/{b}/y/{id}"},
                    }
                }
            },
            "has the parameter 'b', which the route's path /x/{a}/y does not have there; take one at the same place "
            "(known: a), or {id}",
        ),
        ({"routes": {}}, "'routes' is empty"),
        ({"routes": {"/orders": {}}}, "is no method and path"),
        ({"routes": {"GET /x": {}}}, "needs one of function, workflow, queue and event_bus"),
        ({"routes": {"GET /x{y}": GET["GET /orders/{order_id}"]}}, "has the part 'x{y}'"),
        ({"routes": {"GET /x/": GET["GET /orders/{order_id}"]}}, "has the part ''"),
        (
            {"routes": {"GET /x/{a}": GET["GET /orders/{order_id}"], "POST /x/{b}": GET["GET /orders/{order_id}"]}},
            "has /x/{a} and /x/{b}",
        ),
        (
            {"routes": {"POST /x": {"workflow": {**POST["POST /orders"]["workflow"], "location": "/x"}}}},
            "it must be a path with {id}",
        ),
        ({"routes": {"POST /x": {"queue": {"queue_url": "u"}}}}, "'queue_arn' is missing"),
        (
            {"routes": {"POST /x": {"queue": {"queue_url": "u", "queue_arn": "a", "key_retention_in_days": 0}}}},
            "'key_retention_in_days' is 0",
        ),
        (
            {"routes": {"POST /x": {"event_bus": {**BUS, "source": "aws.orders"}}}},
            "'source' begins with 'aws.'",
        ),
        ({"authorization": "COGNITO"}, "'user_pool_arns' is missing; COGNITO needs it"),
        (
            {"authorization": "IAM"},
            "'authorization' is 'IAM'; allowed are AWS_IAM, COGNITO, JWT, LAMBDA, API_KEY, NONE",
        ),
        ({"throttling_rate_limit": 0}, "'throttling_rate_limit' is 0"),
    ],
)
def test_a_wrong_argument_is_named(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        make(**args)
    assert message in str(raised.value)
