"""The mapping template of a route that starts a workflow: which requests go on, and as what.

It runs on Velocity and Java in API Gateway: patterns are in single quotes (Velocity reads ``\\u`` in double ones), and
none repeats a group or a class of characters of two lengths, for which Java needs a stack as deep as the text is long.
"""

from collections.abc import Mapping
from typing import Any

from eda_runtime.request_limits import (
    CORRELATION_ID,
    IDEMPOTENCY_KEY,
    LONG_NUMBER,
    MAX_IDEMPOTENCY_KEY,
    MAX_LEVELS,
    NO_CORRELATION_ID,
    NO_NUMBER,
    NO_TEXT,
    NO_VALUE,
)

MAX_BODY = 8_000
"""Characters (UTF-16) of a request's body: ``States.Hash`` takes 10,000. As input of ``StartSyncExecution``, where each
has six bytes at most, they are 48,000 of the 262,144 bytes that it takes, and the headers no 5,000."""

TENANTS = {
    "AWS_IAM": (
        "#set($parts = $context.identity.userArn.split(':'))"
        "#set($tenant = $parts[4])"
        "#if($parts[5].startsWith('assumed-role/'))"
        "#set($names = $parts[5].split('/'))"
        '#set($tenant = "${parts[4]}:${names[1]}")#end'
    ),
    "COGNITO": "#set($tenant = $context.authorizer.claims.sub)",
    "JWT": '#set($tenant = "principal:${context.authorizer.principalId}")',
    "LAMBDA": '#set($tenant = "principal:${context.authorizer.principalId}")',
    "API_KEY": '#set($tenant = "key:${context.identity.apiKeyId}")',
    "NONE": "#set($tenant = 'public')",
}
"""VTL that sets ``$tenant``, by authorisation; the same as ``eda_runtime.http.tenant_of``."""
KEYS = dict.fromkeys(("JWT", "LAMBDA"), "#set($key = $key.replaceAll('%', '%25').replaceAll('[|]', '%7C'))")
"""VTL that takes the machine's divider of tenant and key out of the key, where a tenant's name may hold it."""
_MAX_HEADERS = 500
"""Turns of a loop in a template end at 1,000 (API Gateway's quotas)."""
_TRACE = "-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
"""A ``traceparent`` behind its version (W3C Trace Context, 3.2.2)."""
_PAIR = r"[\\]u[dD][89abAB][0-9a-fA-F]{2}[\\]u[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF_OR_NUL = r"[\\]u(?:[dD][89a-fA-F]|0000)"
_FRACTION = "[0-9][.eE]"
_NO_FRACTION = "a number in the body has a fraction or an exponent; whole numbers are written with digits alone"
# What the service puts in the place of bytes that are not UTF-8; who means the character itself escapes it.
_REPLACED = r"\uFFFD"
_BYTES = (
    # What is longer is refused for that, and not measured.
    f"#set($bytes = 0)#if($input.body.length() <= {MAX_BODY})"
    r"#set($bytes = $input.body.replaceAll('[\u0080-\u07FF]', '__').replaceAll('[\u0800-\uFFFF]', '___')"
    r".replaceAll('[^\x00-\x7F]', '____').length())#end"
)
"""Sets ``$bytes``, the body's length in UTF-8: as many characters of ASCII as each character has bytes."""
_HEADERS = {"key": "Idempotency-Key", "correlation_id": "X-Correlation-Id", "traceparent": "traceparent"}
"""Headers by the variable that has the value."""


def request_template(
    admission_arn: str,
    tenant: str,
    schema: Mapping[str, Any],
    max_bytes: int | None = None,
    apart: str = "",
    expiring: bool = False,
) -> str:
    """The template, which renders the request of ``StartSyncExecution``.

    The machine's input is what it needs of an accepted request, or ``{"refused": {"status": …, "detail": …}}``.

    Args:
        admission_arn: the machine.
        tenant: VTL that sets ``$tenant``.
        schema: of the request's body.
        max_bytes: the longest body that is taken, in UTF-8; None: as long as ``MAX_BODY``.
        apart: VTL that sets ``$key`` so that no tenant and key read like two others.
        expiring: the machine needs ``requested_second``, because what it writes expires.
    """
    members = ("tenant", "key", "body", "correlation_id", "traceparent")
    accepted = ",".join(rf"\"{name}\":\"$e_{name}\"" for name in members)
    # The variable may be a text or a number, and Velocity divides numbers alone.
    second = (
        '#set($ms = "$context.requestTimeEpoch")#set($end = $ms.length() - 3)#set($second = $ms.substring(0, $end))'
    )
    return (
        _headers()
        + (second if expiring else "")
        + tenant
        + _refusal(takes_fractions(schema), max_bytes)
        + apart
        + _traceparent()
        + "#set($body = '')#if($status == 0)#set($body = $input.body)#end"
        + "".join(_escaped(name) for name in members)
        + f'{{"stateMachineArn":"{admission_arn}","input":"{{'
        + rf"#if($status == 0){accepted},"
        + r"\"request_id\":\"$context.requestId\",\"requested_at\":$context.requestTimeEpoch"
        + (r",\"requested_second\":$second" if expiring else "")
        + r'#{else}\"refused\":{\"status\":$status,\"detail\":\"$detail\"}#end}"}'
    )


def takes_fractions(schema: Any) -> bool:
    """Whether a schema allows a number that is not whole, anywhere in a value.

    Args:
        schema: a JSON schema of draft 4; what it leaves open may be such a number.
    """
    if schema is False:
        return False
    if not isinstance(schema, Mapping) or "type" not in schema:
        return True
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    inner: list[Any] = []
    if "object" in kinds:
        named = [schema.get("properties", {}), schema.get("patternProperties", {})]
        inner += [member for members in named for member in members.values()]
        inner.append(schema.get("additionalProperties", True))
    if "array" in kinds:
        items = schema.get("items", True)
        inner += [*items, schema.get("additionalItems", True)] if isinstance(items, list) else [items]
    return "number" in kinds or any(takes_fractions(one) for one in inner)


def _headers() -> str:
    """Headers by their names in any case: HTTP/2 clients send lower case, and ``$input.params(name)`` compares exactly
    and takes a query parameter of that name first (Developer Guide, important notes; mapping template reference)."""
    set_up = "".join(f"#set(${name} = '')#set(${name}_spellings = 0)" for name in _HEADERS)
    found = "".join(
        f"#if($name.equalsIgnoreCase('{header}'))"
        f"#set(${name} = $headers.get($name).trim())#set(${name}_spellings = ${name}_spellings + 1)#end"
        for name, header in _HEADERS.items()
    )
    unquoted = (
        "#if($key.length() > 1 && $key.startsWith('\"') && $key.endsWith('\"'))"
        "#set($last = $key.length() - 1)#set($key = $key.substring(1, $last))#end"
    )
    return (
        f"{set_up}#set($headers = $input.params().header)#if($headers.size() <= {_MAX_HEADERS})"
        f"#foreach($name in $headers.keySet()){found}#end#end{unquoted}"
    )


def _refusal(fractions: bool, max_bytes: int | None) -> str:
    """Sets ``$status`` and ``$detail`` of what is refused; ``$status`` is 0 for what is not."""
    key = _HEADERS["key"]
    twice = "the header {} comes more than once"
    of_headers = [
        (f"$input.body.length() > {MAX_BODY}", 413, f"the body is longer than {MAX_BODY} characters"),
        (f"$headers.size() > {_MAX_HEADERS}", 400, f"the request has more than {_MAX_HEADERS} headers"),
        ("$key == ''", 400, f"the header {key} is missing or empty; send 1 to {MAX_IDEMPOTENCY_KEY} characters"),
        ("$key_spellings > 1", 400, twice.format(key)),
        (
            f"!$key.matches('{IDEMPOTENCY_KEY}')",
            400,
            f"the header {key} must have 1 to {MAX_IDEMPOTENCY_KEY} characters of printable ASCII",
        ),
        ("$correlation_id_spellings > 1", 400, twice.format("X-Correlation-Id")),
        (f"$correlation_id != '' && !$correlation_id.matches('{CORRELATION_ID}')", 400, NO_CORRELATION_ID),
    ]
    of_body = [
        (f"{_has('$whole', _HALF_OR_NUL)} || {_has('$text', _REPLACED)}", 400, NO_TEXT),
        (_has("$bare", LONG_NUMBER), 400, NO_NUMBER),
        *([] if fractions else [(_has("$bare", _FRACTION), 400, _NO_FRACTION)]),
        ("!$value.trim().matches('v|[0-9.eE+-]+|true|false|null')", 400, NO_VALUE),
    ]
    measured = ""
    if max_bytes is not None:
        of_headers.insert(1, (f"$bytes > {max_bytes}", 413, f"the body is longer than {max_bytes} bytes"))
        measured = _BYTES
    return (
        f"#set($status = 0){measured}{_first_of(of_headers)}#if($status == 0){_look_at_body()}{_first_of(of_body)}#end"
    )


def _look_at_body() -> str:
    """Sets ``$text``, the body without escaped backslashes and quotes, so that what is escaped can be told; ``$whole``,
    it without whole pairs of surrogates; ``$bare``, it without strings; and ``$value``, which is one word for a body
    that is one value of few enough levels."""
    return (
        r"""#set($text = $input.body.replaceAll('[\\][\\]', '_').replaceAll('[\\]"', '_'))"""
        f"#set($whole = $text.replaceAll('{_PAIR}', '_'))"
        r"""#set($bare = $text.replaceAll('[^\x00-\x7F]', '_').replaceAll('"[^"]*"', 'v'))"""
        r"#set($value = $bare)#set($levels = $bare.replaceAll('[^\[{]', '').length())"
        f"#if($levels > {MAX_LEVELS})#set($levels = {MAX_LEVELS})#end"
        r"#foreach($level in [1..$levels])#set($value = $value.replaceAll('[\[{][^\[\]{}]*[\]}]', 'v'))#end"
    )


def _traceparent() -> str:
    """Leaves a ``traceparent`` that is valid, as version 00 has it, and empties any other (W3C Trace Context, 3.2 and
    4.3): of a higher version what 00 knows is taken, and of its flags the two that have a meaning."""
    return (
        f"#if($traceparent_spellings == 1 && $traceparent.matches('00{_TRACE}'))"
        f"#elseif($traceparent_spellings == 1 && $traceparent.matches('(?!00|ff)[0-9a-f]{{2}}{_TRACE}(-.*)?'))"
        "#set($digits = '0123456789abcdef')#set($flags = $digits.indexOf($traceparent.substring(54, 55)) % 4)"
        '#set($ids = $traceparent.substring(3, 52))#set($traceparent = "00-${ids}-0${flags}")'
        "#else#set($traceparent = '')#end"
    )


def _has(variable: str, pattern: str) -> str:
    """VTL: whether a pattern is found; ``matches`` needs ``.*`` around it."""
    return f"{variable}.replaceAll('{pattern}', '').length() != {variable}.length()"


def _first_of(cases: list[tuple[str, int, str]]) -> str:
    """VTL that sets ``$status`` and ``$detail`` by the first condition that holds."""
    branches = [
        f"if({condition})#set($status = {status})#set($detail = '{detail}')" for condition, status, detail in cases
    ]
    return "#" + "#else".join(branches) + "#end"


def _escaped(name: str) -> str:
    """VTL that sets ``$e_name``: escaped twice, because the machine's input is JSON inside JSON."""
    # escapeJavaScript turns ' into \', which is no JSON.
    once = '$util.escapeJavaScript({}).replaceAll("\\\\\'", "\'")'
    return f"#set($e_{name} = {once.format(f'${name}')})#set($e_{name} = {once.format(f'$e_{name}')})"
