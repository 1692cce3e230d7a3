"""API Gateway's mapping templates: the Velocity of the documents that our components make."""

import json
from typing import Any

import pytest
from eda_sandbox.services.apigateway import json_schema
from eda_sandbox.services.apigateway.gateway_responses import GatewayError
from eda_sandbox.services.apigateway.java_values import TemplateError, parse_json
from eda_sandbox.services.apigateway.model import Method, RequestValidator, empty_definition
from eda_sandbox.services.apigateway.request_validation import validate
from eda_sandbox.services.apigateway.template_variables import UTIL, Input
from eda_sandbox.services.apigateway.velocity import compiled


def render(template: str, body: str = "{}", headers: dict[str, str] | None = None, context: Any = None) -> str:
    given = Input(body, {}, {}, headers or {})
    return str(
        compiled(template).render({"input": given, "util": UTIL, "context": context or {}, "stageVariables": {}})
    )


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$input.path('$.a.b')", "1"),
        ("$input.json('$.list')", "[1,2]"),
        ("#set($x = 'a')$x.${x}b", "a.ab"),
        ("#if($input.path('$.a.b') == 1)yes#{else}no#end", "yes"),
        ("#foreach($i in $input.path('$.list'))<$i>#end", "<1><2>"),
        ('$util.escapeJavaScript("it\'s")', "it\\'s"),
        ('$util.escapeJavaScript("it\'s").replaceAll("\\\\\'", "\'")', "it's"),
        ("$util.base64Decode($util.base64Encode('x'))", "x"),
        ("$util.parseJson('{\"k\": 7}').k", "7"),
        ("#set($t = 'a:b:c')#set($p = $t.split(':'))$p[1]", "b"),
        ("#set($s = 'quoted')#set($n = $s.length() - 1)$s.substring(1, $n)", "uote"),
        ("$!unknown", ""),
        ("## a comment\nx", "x"),
        # Java counts units of UTF-16.
        ("#set($s = '💡x')$s.length() $s.substring(2) $s.indexOf('x')", "3 x 2"),
        # In double quotes Velocity reads an escaped character, in single quotes it does not.
        ('#set($s = "\\u0041b")$s', "Ab"),
        ("#set($s = '\\u0041b')$s", "\\u0041b"),
    ],
)
def test_a_template_renders_as_the_service_does(template: str, expected: str) -> None:
    assert render(template, json.dumps({"a": {"b": 1}, "list": [1, 2]})) == expected


def test_half_an_escape_in_double_quotes_is_an_error() -> None:
    with pytest.raises(TemplateError, match="four hexadecimal digits"):
        render('#set($s = "[\\u]")$s')


def test_a_header_is_found_by_the_name_that_was_sent_alone() -> None:
    template = "<$input.params('X-Id')><$input.params('x-id')><$input.params().header.get('X-Id')>"
    assert render(template, headers={"x-id": "1"}) == "<><1><>"


def test_a_query_parameter_comes_before_a_header_of_its_name() -> None:
    given = Input("{}", {"p": "path"}, {"p": "query", "q": "query"}, {"q": "header", "h": "header"})
    assert [given.params(name) for name in ("p", "q", "h")] == ["path", "query", "header"]


@pytest.mark.parametrize(
    ("number", "valid"), [("1", True), ("1.0", False), ("1e2", False), ("-0", True), ("1.5", False)]
)
def test_an_integer_has_no_fraction_and_no_exponent(number: str, valid: bool) -> None:
    found = json_schema.errors({"type": "integer"}, parse_json(number), lambda _: {})
    assert (found == []) is valid
    assert json_schema.errors({"type": "number"}, parse_json(number), lambda _: {}) == []


def test_a_required_header_is_looked_for_with_its_case() -> None:
    definition = empty_definition()
    definition.validators["v"] = RequestValidator("v", "all", validate_request_parameters=True)
    method = Method("POST", request_validator_id="v", request_parameters={"method.request.header.X-Id": True})

    def check(name: str) -> None:
        validate(definition, method, path={}, query={}, headers={name: ["1"]}, content_type="", body=b"")

    check("X-Id")
    with pytest.raises(GatewayError, match="BAD_REQUEST_PARAMETERS"):
        check("x-id")


def test_a_response_override_is_set_by_the_template() -> None:
    context: dict[str, Any] = {"responseOverride": {"header": {}}}
    render(
        "#set($context.responseOverride.status = 422)#set($context.responseOverride.header.Retry-After = '2')",
        context=context,
    )
    assert context["responseOverride"] == {"status": 422, "header": {"Retry-After": "2"}}
