"""Parameter mapping: ``requestParameters`` and ``responseParameters`` of integrations and gateway responses."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from eda_sandbox.services.apigateway.java_values import to_json, to_string

_NAME = r"[a-zA-Z0-9._$-]+"
_STATIC = re.compile(r"'([^']*)'")
_REQUEST_TARGET = re.compile(rf"integration\.request\.(path|querystring|header)\.({_NAME})")
_REQUEST_SOURCE = re.compile(
    rf"method\.request\.(path|querystring|header|multivaluequerystring|multivalueheader)\.({_NAME})"
    r"|method\.request\.(body)(\..+|\[.+)?"
)
_RESPONSE_TARGET = re.compile(rf"method\.response\.header\.({_NAME})")
_RESPONSE_SOURCE = re.compile(
    rf"integration\.response\.(header|multivalueheader)\.({_NAME})|integration\.response\.(body)(\..+|\[.+)?"
)
_VARIABLE = re.compile(rf"(context|stageVariables)\.({_NAME})")


class MappingError(ValueError):
    """A mapping expression that API Gateway refuses."""


def _refuse(expression: str) -> MappingError:
    return MappingError(
        "Invalid mapping expression specified: Validation Result: warnings : [], "
        f"errors : [Invalid mapping expression specified: {expression}]"
    )


def _undeclared(expression: str) -> MappingError:
    return MappingError(
        "Invalid mapping expression specified: Validation Result: warnings : [], "
        f"errors : [Invalid mapping expression parameter specified: {expression}]"
    )


def check_request(parameters: Mapping[str, str], declared: Iterable[str]) -> None:
    """Check an integration's ``requestParameters`` against the parameters its method declares.

    Raises:
        MappingError: an expression is malformed, or maps a parameter that the method does not declare.
    """
    known = set(declared)
    for target, source in parameters.items():
        if not _REQUEST_TARGET.fullmatch(target):
            raise _refuse(target)
        match = _REQUEST_SOURCE.fullmatch(source)
        if match is None and not _STATIC.fullmatch(source) and not _VARIABLE.fullmatch(source):
            raise _refuse(source)
        if match is not None and match.group(1):
            where = match.group(1).removeprefix("multivalue")
            if f"method.request.{where}.{match.group(2)}" not in known:
                raise _undeclared(source)


def check_response(parameters: Mapping[str, str], declared: Iterable[str]) -> None:
    """Check ``responseParameters`` against the headers the method response declares.

    Raises:
        MappingError: an expression is malformed, or sets a header that the method response does not declare.
    """
    known = set(declared)
    for target, source in parameters.items():
        if not _RESPONSE_TARGET.fullmatch(target):
            raise _refuse(target)
        if target not in known:
            raise _undeclared(target)
        if not (_STATIC.fullmatch(source) or _VARIABLE.fullmatch(source) or _RESPONSE_SOURCE.fullmatch(source)):
            raise _refuse(source)


def check_gateway_response(parameters: Mapping[str, str]) -> None:
    """Check the ``responseParameters`` of a gateway response.

    Raises:
        MappingError: an expression is malformed.
    """
    for target, source in parameters.items():
        if not re.fullmatch(rf"gatewayresponse\.header\.{_NAME}", target):
            raise _refuse(target)
        if not (_STATIC.fullmatch(source) or _VARIABLE.fullmatch(source) or _REQUEST_SOURCE.fullmatch(source)):
            raise _refuse(source)


class Sources:
    """What mapping expressions read from: the method's request, the integration's response, the context.

    Names of the request's headers are compared with their case (Developer Guide, important notes), those of the
    response's without. Values that are not there are ``None``, and are not mapped.
    """

    def __init__(
        self,
        *,
        path: Mapping[str, str],
        query: Mapping[str, list[str]],
        headers: Iterable[tuple[str, str]],
        body: Callable[[str], Any],
        context: Mapping[str, Any],
        stage_variables: Mapping[str, str],
        response_headers: Iterable[tuple[str, str]] = (),
        response_body: Callable[[str], Any] = lambda _path: None,
    ) -> None:
        self._path = path
        self._query = query
        self._headers = _by_name(headers, str)
        self._body = body
        self._context = context
        self._stage_variables = stage_variables
        self._response_headers = _by_name(response_headers, str.lower)
        self._response_body = response_body

    def value(self, expression: str) -> str | list[str] | None:
        static = _STATIC.fullmatch(expression)
        if static:
            return static.group(1)
        variable = _VARIABLE.fullmatch(expression)
        if variable:
            return self._variable(variable.group(1), variable.group(2))
        request = _REQUEST_SOURCE.fullmatch(expression)
        if request:
            if request.group(3):
                return _text(self._body(f"${request.group(4) or ''}"))
            return self._request(request.group(1), request.group(2))
        response = _RESPONSE_SOURCE.fullmatch(expression)
        if response is None:
            return None
        if response.group(3):
            return _text(self._response_body(f"${response.group(4) or ''}"))
        found = self._response_headers.get(response.group(2).lower())
        return found if response.group(1) == "multivalueheader" else _last(found)

    def _variable(self, kind: str, name: str) -> str | None:
        if kind == "stageVariables":
            return self._stage_variables.get(name)
        value: Any = self._context
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return None if value is None else to_string(value)

    def _request(self, where: str, name: str) -> str | list[str] | None:
        if where == "path":
            return self._path.get(name)
        values = self._query.get(name) if "querystring" in where else self._headers.get(name)
        return values if where.startswith("multivalue") else _last(values)


def _by_name(headers: Iterable[tuple[str, str]], form: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(form(name), []).append(value)
    return found


def _last(values: list[str] | None) -> str | None:
    return values[-1] if values else None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return to_json(value) if isinstance(value, dict | list) else to_string(value)


def request_target(target: str) -> tuple[str, str]:
    """Split ``integration.request.header.X`` into where and name."""
    match = _REQUEST_TARGET.fullmatch(target)
    if match is None:
        raise _refuse(target)
    return match.group(1), match.group(2)
