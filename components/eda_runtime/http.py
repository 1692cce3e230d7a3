"""HTTP events and their answers, whichever service sends them.

Known are REST APIs and HTTP APIs of API Gateway (payload formats 1.0 and 2.0), function URLs, Application Load
Balancers, VPC Lattice (both versions of its event), and WebSocket APIs.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from eda_runtime.logger import logger
from eda_runtime.request_limits import (
    MAX_LEVELS,
    NO_CORRELATION_ID,
    NO_NUMBER,
    NO_TEXT,
    NO_VALUE,
    is_carried,
    is_correlation_id,
)
from eda_runtime.statuses import title_of

Response = dict[str, Any]
_OF_THE_TOKEN = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "auth_time", "nonce", "at_hash"})
"""Claims of the token itself (RFC 7519, 4.1; OpenID Connect Core, 2): the next one has others."""
PUBLIC = "public"
"""The tenant of requests that nobody authorised."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ARN = re.compile(r"arn:[a-z-]+:(?:iam|sts)::([0-9]+):(.+)")
_LATTICE_FIELD = re.compile(r"((?:[^;\\]|\\.)*)(?:;|\Z)")


class Problem(Exception):
    """An answer that is an error, as RFC 9457 writes it.

    Args:
        status: HTTP status, 400 to 599.
        detail: what is wrong and how to mend it; never what the client sent.
        headers: further headers, such as ``Retry-After``.

    Raises:
        ValueError: the status is no error's.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        if not 400 <= status <= 599:
            raise ValueError(f"the status of a problem is {status}; it must be 400 to 599")
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self, event: Mapping[str, Any] | None = None) -> Response:
        """The answer.

        Args:
            event: the request; its service may ask for more than a status, headers and a body.
        """
        answer = problem(self.status, self.detail, self.headers)
        return answer if event is None else answer_to(event, answer)


def response(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer.

    Args:
        status: HTTP status.
        body: JSON-serialisable; None for an empty body.
        headers: further headers.
    """
    content = "" if body is None else json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return {"statusCode": status, "headers": {"Content-Type": "application/json", **(headers or {})}, "body": content}


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as ``application/problem+json``."""
    body = {"type": "about:blank", "title": title_of(status), "status": status, "detail": detail}
    return response(status, body, {"Content-Type": "application/problem+json", **(headers or {})})


def is_http(event: Any) -> bool:
    """Whether an event is a request, of any of the services that this module knows."""
    if not isinstance(event, Mapping):
        return False
    context = event.get("requestContext")
    if event.get("type") == "REQUEST":
        # An authoriser's question about a request, which looks like the request.
        return False
    if isinstance(context, Mapping):
        return "httpMethod" in event or "http" in context or _is_lattice(event) or "connectionId" in context
    return _is_lattice(event)


def _is_lattice(event: Mapping[str, Any]) -> bool:
    return "method" in event and ("raw_path" in event or "serviceArn" in _mapping(event.get("requestContext")))


def _is_load_balancer(event: Mapping[str, Any]) -> bool:
    return "elb" in _mapping(event.get("requestContext"))


def answer_to(event: Mapping[str, Any], answer: Response) -> Response:
    """An answer in the form that the request's service takes.

    Load balancers and VPC Lattice want a status line and whether the body is encoded; a load balancer that sent
    ``multiValueHeaders`` reads no other headers.

    Args:
        event: the request.
        answer: with ``statusCode``, ``headers`` and ``body``; it is not changed.
    """
    if not (_is_load_balancer(event) or _is_lattice(event)):
        return answer
    status = answer["statusCode"]
    told = {"statusDescription": f"{status} {title_of(status)}", "isBase64Encoded": False, **answer}
    if _is_load_balancer(event) and "multiValueHeaders" in event and "headers" in told:
        given = told.pop("headers")
        told["multiValueHeaders"] = {name: [value] for name, value in given.items()}
    return told


def header(event: Mapping[str, Any], name: str) -> str | None:
    """A request header, whatever its case; one that came more than once is joined by commas where that is told."""
    wanted = name.lower()
    for headers in (event.get("headers"), event.get("multiValueHeaders")):
        for key, value in (headers or {}).items():
            if key.lower() == wanted and value is not None:
                return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return None


def method_of(event: Mapping[str, Any]) -> str | None:
    """The request's method; of a WebSocket's message what happened (``MESSAGE``)."""
    context = event.get("requestContext") or {}
    named = event.get("httpMethod") or event.get("method") or (context.get("http") or {}).get("method")
    found = named or context.get("eventType")
    return None if found is None else str(found)


def path_of(event: Mapping[str, Any]) -> str | None:
    """The request's path without its query; of a WebSocket's message the route's key."""
    context = event.get("requestContext") or {}
    found = event.get("path") or event.get("rawPath") or event.get("raw_path")
    if found is None:
        found = (context.get("http") or {}).get("path") or context.get("routeKey")
    # VPC Lattice leaves the query in it.
    return None if found is None else str(found).partition("?")[0]


def reference(event: Mapping[str, Any], path: str) -> str:
    """A relative reference (RFC 3986, 4.2) from what was asked for to another path of the same API, for ``Location``
    and for links.

    It holds whatever stands before the API's paths where the client is: a stage, a custom domain's base path, a
    proxy's prefix. An absolute one would need all of them.

    Args:
        event: the request, of a service that names the route or passes the path on as it came.
        path: the other path, from the API's root on: ``/orders/1``.
    """
    asked, route = path_of(event) or "/", event.get("resource")
    if route is None and " /" in str(event.get("routeKey")):
        route = str(event["routeKey"]).partition(" ")[2]
    parts = [part for part in str(asked if route is None else route).split("/") if part]
    given = _mapping(event.get("pathParameters"))
    # A greedy parameter stands for as many parts as it has.
    greedy = parts[-1][1:-2] if parts and parts[-1].endswith("+}") else None
    depth = len(parts) + (0 if greedy is None else str(given.get(greedy, "")).strip("/").count("/"))
    # With a slash at its end it is the same resource, but a folder deeper for who resolves the reference.
    above = "../" * (depth if asked.endswith("/") else depth - 1)
    target = path.lstrip("/")
    # A colon in the first part would make it a scheme.
    return above + target if above or ":" not in target.partition("/")[0] else f"./{target}"


def query_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request's query: names and their values, lists of them where the service tells of more than one."""
    for name in ("multiValueQueryStringParameters", "queryStringParameters", "query_string_parameters"):
        if event.get(name):
            found: Mapping[str, Any] = event[name]
            return found
    return {}


def is_encoded(event: Mapping[str, Any]) -> bool:
    """Whether the request's body came as bytes, in Base64, and not as text."""
    return bool(event.get("isBase64Encoded") or event.get("is_base64_encoded"))


def body_of(event: Mapping[str, Any]) -> bytes:
    """The request's body.

    Raises:
        ValueError: the event says that it is encoded in Base64, and it is not.
    """
    raw = event.get("body") or ""
    if is_encoded(event):
        return base64.b64decode(raw)
    return raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else json.dumps(raw).encode()


def tenant_of(event: Mapping[str, Any]) -> str:
    """Who the request belongs to: what keeps callers' data apart.

    - IAM, of every service: the account, with the role for an assumed role (``123456789012:role-name``), never its
      session's name. All users of an account are one tenant, and all who assume a role, which an identity pool lets
      all of its users do.
    - Cognito (REST API): the user's ``sub``, which is unique among all pools.
    - A JWT of any issuer (HTTP API), a load balancer's OIDC: ``jwt:``, the issuer and the subject. A token without a
      subject: ``claims:`` and a digest of what it claims of its bearer.
    - Lambda authoriser: ``principal:`` and its ``principalId``. Where the service passes on its context alone (payload
      2.0): the context's ``principalId``, its ``sub`` with its ``iss`` if it has one, or else all of the context.
    - API key: ``key:`` and its id.
    - Nothing of all that: ``public``.

    A load balancer's headers are taken as they are: it writes them itself where its rule authenticates, and lets a
    client's own pass where it does not, so no rule of its listeners may forward to the function without.

    Raises:
        Problem: 500, when somebody authorised the request in a way that is not known: whoever is behind it must not
            become everybody.
    """
    context = event.get("requestContext") or {}
    if _is_load_balancer(event):
        return _tenant_of_load_balancer(event)
    if _is_lattice(event):
        return _tenant_of_lattice(event)
    if "http" in context:
        return _tenant_of_format_2(context.get("authorizer"))
    return _tenant_of_format_1(event, context)


def caller_of(event: Mapping[str, Any]) -> str:
    """Who sent the request: the tenant, and within it whoever can be told from its other members: an IAM user, a
    user of an identity pool, the subject of a client's certificate.

    Raises:
        Problem: 500, as ``tenant_of``.
    """
    context = _mapping(event.get("requestContext"))
    identity = _lattice_identity(event) if _is_lattice(event) else _mapping(context.get("identity"))
    iam = _mapping(_mapping(context.get("authorizer")).get("iam"))
    sent = _mapping(identity.get("clientCert")) or _mapping(_mapping(context.get("authentication")).get("clientCert"))
    arn = _ARN.fullmatch(str(identity.get("userArn") or iam.get("userArn") or identity.get("principal") or ""))
    parts = [
        arn[2] if arn is not None and not arn[2].startswith("assumed-role/") else None,
        identity.get("cognitoIdentityId") or _mapping(iam.get("cognitoIdentity")).get("identityId"),
        sent.get("issuerDN"),
        sent.get("subjectDN"),
        # Credentials of IAM Roles Anywhere are a role's, for each certificate.
        *(identity[name] for name in sorted(identity) if name.lower().startswith("x509")),
    ]
    tenant, within = tenant_of(event), [_escaped(part) for part in parts if part]
    return "/".join([_escaped(tenant, ":"), *within]) if within else tenant


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _tenant_of_format_1(event: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """REST and WebSocket APIs, and HTTP APIs with payload format 1.0."""
    identity = _mapping(context.get("identity"))
    if identity.get("userArn"):
        return _tenant_of_arn(identity["userArn"])
    given = context.get("authorizer")
    authorizer = {name: value for name, value in _mapping(given).items() if value is not None}
    claims = authorizer.get("claims")
    if isinstance(claims, Mapping) and claims.get("sub"):
        # Only HTTP APIs name the format; their JWT is of any issuer.
        return _tenant_of_claims(claims) if event.get("version") == "1.0" else str(claims["sub"])
    if authorizer.get("principalId"):
        return f"principal:{authorizer['principalId']}"
    if authorizer and event.get("version") == "1.0":
        return _tenant_of_context("requestContext.authorizer", authorizer)
    if authorizer or (given and not isinstance(given, Mapping)):
        raise _unknown("requestContext.authorizer", authorizer)
    if identity.get("caller") or identity.get("accessKey"):
        raise _unknown("requestContext.identity", identity)
    if identity.get("apiKeyId"):
        return f"key:{identity['apiKeyId']}"
    return PUBLIC


def _tenant_of_format_2(authorizer: Any) -> str:
    """HTTP APIs with payload format 2.0, and function URLs."""
    if not authorizer:
        return PUBLIC
    known = _mapping(authorizer)
    iam, jwt, custom = (_mapping(known.get(name)) for name in ("iam", "jwt", "lambda"))
    if iam.get("userArn"):
        return _tenant_of_arn(iam["userArn"])
    claims = _mapping(jwt.get("claims"))
    if claims.get("sub"):
        return _tenant_of_claims(claims)
    named = {name: claim for name, claim in claims.items() if name not in _OF_THE_TOKEN}
    if named:
        # A token without a subject, as some issuers give to clients: whom its other claims tell apart are two.
        return f"claims:{_digest({**named, 'iss': claims.get('iss')})}"
    return _tenant_of_context("requestContext.authorizer", custom, known)


def _tenant_of_context(place: str, context: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> str:
    """The tenant of what a Lambda authoriser says of its caller."""
    if context.get("principalId"):
        return f"principal:{context['principalId']}"
    if context.get("sub"):
        return _tenant_of_claims(context)
    told = {name: value for name, value in context.items() if value is not None and name != "integrationLatency"}
    if not told:
        raise _unknown(place, context if known is None else known)
    # Whom the authoriser tells apart are two, whatever it calls that; it may be long, and a person's data.
    return f"context:{_digest(told)}"


def _digest(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _tenant_of_load_balancer(event: Mapping[str, Any]) -> str:
    identity, data = header(event, "x-amzn-oidc-identity"), header(event, "x-amzn-oidc-data")
    if data:
        head, claims = (_token_part(data, number) for number in (0, 1))
        if identity and claims.get("sub") and identity != claims["sub"]:
            raise _unknown("the header x-amzn-oidc-data", claims)
        if claims.get("sub"):
            return _tenant_of_claims({"iss": head.get("iss") or claims.get("iss"), "sub": claims["sub"]})
    if identity:
        return f"oidc:{identity}"
    subject = header(event, "x-amzn-mtls-clientcert-subject")
    if subject:
        return f"cert:{_escaped(header(event, 'x-amzn-mtls-clientcert-issuer') or '')}#{_escaped(subject)}"
    if data or header(event, "x-amzn-mtls-clientcert") or header(event, "x-amzn-oidc-accesstoken"):
        raise _unknown("a header of the load balancer's authentication", {})
    return PUBLIC


def _tenant_of_lattice(event: Mapping[str, Any]) -> str:
    identity = _lattice_identity(event)
    if identity.get("principal"):
        return _tenant_of_arn(identity["principal"])
    if identity.get("type") not in (None, "", "NONE") or identity.get("sessionName"):
        raise _unknown("requestContext.identity", identity)
    return PUBLIC


def _lattice_identity(event: Mapping[str, Any]) -> Mapping[str, Any]:
    identity = _mapping(_mapping(event.get("requestContext")).get("identity"))
    if identity.get("principal"):
        return identity
    # Version 1 of the event has it in a header, which VPC Lattice lets no client write: Principal=…;SessionName=…
    text = header(event, "x-amzn-lattice-identity") or ""
    fields = (match[1].replace("\\", "").strip() for match in _LATTICE_FIELD.finditer(text) if match[1])
    named = (field.partition("=") for field in fields)
    return {**identity, **{name[:1].lower() + name[1:]: value for name, _, value in named if value}}


def _tenant_of_arn(arn: Any) -> str:
    match = _ARN.fullmatch(str(arn))
    if match is None:
        raise _unknown("an identity of IAM", {})
    account, name = match[1], match[2]
    return f"{account}:{name.split('/')[1]}" if name.startswith("assumed-role/") and name.count("/") else account


def _tenant_of_claims(claims: Mapping[str, Any]) -> str:
    # Escaped, so that no issuer and subject read like two others.
    return f"jwt:{_escaped(claims.get('iss') or '', ':/')}#{_escaped(claims['sub'])}"


def _escaped(part: Any, safe: str = "") -> str:
    # Imported here, because most requests have nothing to escape.
    from urllib.parse import quote

    return quote(str(part), safe=safe)


def _token_part(token: str, number: int) -> Mapping[str, Any]:
    """The header (0) or the claims (1) of a JWT, empty when it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        # A load balancer pads, others do not.
        part = parts[number].rstrip("=")
        return _mapping(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))
    except (ValueError, RecursionError):
        return {}


def _unknown(place: str, found: Mapping[str, Any]) -> Problem:
    """The refusal of a caller who is authorised in a way that is not known."""
    # Names alone: values may be a person's.
    logger.error("the authoriser is not known", place=place, members=sorted(map(str, found)))
    return Problem(500, "the service cannot tell who sent the request; its operator has to look at its authoriser")


def sent_correlation_id(event: Mapping[str, Any]) -> str | None:
    """The request's own ``X-Correlation-Id``; None when it has none, or an empty one.

    Raises:
        Problem: 400, when it has not 1 to 128 visible ASCII characters without spaces.
    """
    found = (header(event, "x-correlation-id") or "").strip()
    if found and not is_correlation_id(found):
        raise Problem(400, NO_CORRELATION_ID)
    return found or None


def json_body(event: Mapping[str, Any], max_bytes: int) -> dict[str, Any]:
    """The request's body, a JSON object; of a member that comes twice it has the last, as validators do.

    Args:
        event: the request.
        max_bytes: the longest body that is taken.

    Raises:
        Problem: 415 for another media type, 413 when it is too long, 400 when it is no JSON, or holds what JSON
            does not (``NaN``), or what cannot be handed on (a number that is no double, NUL, half of a surrogate pair,
            bytes that are not UTF-8), or more than 32 levels, 422 when it is no object.
    """
    media_type = (header(event, "content-type") or "application/json").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(415, "send the body as application/json")
    try:
        content = body_of(event)
    except ValueError:
        raise Problem(400, "the body is not valid JSON in UTF-8") from None
    if len(content) > max_bytes:
        raise Problem(413, f"the body is longer than {max_bytes} bytes")
    try:
        text = content.decode("utf-8")
        body = json.loads(text, parse_constant=_refuse, parse_int=_carried(int), parse_float=_carried(float))
    except (ValueError, RecursionError):
        raise Problem(400, "the body is not valid JSON in UTF-8") from None
    if not isinstance(body, dict):
        raise Problem(422, "the body must be a JSON object")
    if _depth(body) > MAX_LEVELS:
        raise Problem(400, NO_VALUE)
    if "\\ud" in text.lower() and _SURROGATE.search(json.dumps(body, ensure_ascii=False)):
        raise Problem(400, NO_TEXT)
    # No text of a database has it; escaped backslashes are pairs.
    if "\\u0000" in text.replace("\\\\", "_"):
        raise Problem(400, NO_TEXT)
    # A gateway that hands on text has put U+FFFD where it was not UTF-8; who means the character escapes it.
    if "\ufffd" in text and not is_encoded(event):
        raise Problem(400, NO_TEXT)
    return body


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _carried(kind: Callable[[str], float]) -> Callable[[str], float]:
    def read(literal: str) -> float:
        if not is_carried(literal):
            raise Problem(400, NO_NUMBER)
        return kind(literal)

    return read


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level:
        depth += 1
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
        ]
    return depth
