"""HTTP events of API Gateway (proxy integration, payload format 1.0) and their answers."""

import base64
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

Response = dict[str, Any]
MAX_DEPTH = 32


class Problem(Exception):
    """An answer that is an error, as RFC 9457 writes it.

    Args:
        status: HTTP status, 400 to 599.
        detail: what is wrong and how to mend it; never what the client sent.
        headers: further headers, such as ``Retry-After``.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The answer."""
        return problem(self.status, self.detail, self.headers)


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
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return response(status, body, {"Content-Type": "application/problem+json", **(headers or {})})


def header(event: Mapping[str, Any], name: str) -> str | None:
    """A request header, whatever its case."""
    wanted = name.lower()
    return next((value for key, value in (event.get("headers") or {}).items() if key.lower() == wanted), None)


def tenant_of(event: Mapping[str, Any]) -> str:
    """Who the request belongs to: what keeps callers' orders apart.

    ``AWS_IAM``: the account, with the role for an assumed role (``123456789012:role-name``), never its session's
    name. Cognito: the user's ``sub``. API key: ``key:`` and its id. Without authorisation: ``public``.
    """
    context = event.get("requestContext") or {}
    identity = context.get("identity") or {}
    claims = (context.get("authorizer") or {}).get("claims") or {}
    arn = identity.get("userArn") or ""
    if ":assumed-role/" in arn:
        return f"{arn.split(':')[4]}:{arn.split(':assumed-role/')[1].split('/')[0]}"
    if arn:
        return str(arn.split(":")[4])
    if claims.get("sub"):
        return str(claims["sub"])
    if identity.get("apiKeyId"):
        return f"key:{identity['apiKeyId']}"
    return "public"


def json_body(event: Mapping[str, Any], max_bytes: int) -> dict[str, Any]:
    """The request's body, a JSON object.

    Args:
        event: the request.
        max_bytes: the longest body that is taken.

    Raises:
        Problem: 415 for another media type, 413 when it is too long, 400 when it is no JSON, or holds what JSON
            does not (``NaN``) or too many levels, 422 when it is no object.
    """
    media_type = (header(event, "content-type") or "application/json").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(415, "send the body as application/json")
    raw = event.get("body") or ""
    content = base64.b64decode(raw) if event.get("isBase64Encoded") else raw.encode("utf-8", "surrogatepass")
    if len(content) > max_bytes:
        raise Problem(413, f"the body is longer than {max_bytes} bytes")
    try:
        body = json.loads(content.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Problem(400, "the body is not valid JSON in UTF-8") from None
    if not isinstance(body, dict):
        raise Problem(422, "the body must be a JSON object")
    if _depth(body) > MAX_DEPTH:
        raise Problem(400, f"the body is nested deeper than {MAX_DEPTH} levels")
    return body


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


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
