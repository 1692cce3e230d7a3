"""API Gateway's mapping templates: the Velocity of the documents that our components make."""

import json
from typing import Any

import pytest
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
    ],
)
def test_a_template_renders_as_the_service_does(template: str, expected: str) -> None:
    assert render(template, json.dumps({"a": {"b": 1}, "list": [1, 2]})) == expected


def test_a_response_override_is_set_by_the_template() -> None:
    context: dict[str, Any] = {"responseOverride": {"header": {}}}
    render(
        "#set($context.responseOverride.status = 422)#set($context.responseOverride.header.Retry-After = '2')",
        context=context,
    )
    assert context["responseOverride"] == {"status": 422, "header": {"Retry-After": "2"}}
