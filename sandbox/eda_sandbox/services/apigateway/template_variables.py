"""The variables of mapping templates: ``$input`` and ``$util``."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import quote_plus, unquote_plus

from eda_sandbox.foundation import jsonpath
from eda_sandbox.services.apigateway.java_values import (
    TemplateError,
    TemplateObject,
    from_json,
    parse_json,
    to_json,
    to_string,
)


class InvalidJsonBody(TemplateError):
    """A template reads a body as JSON that is none; the caller's fault, not the template's."""


class Input(TemplateObject):
    """``$input``: the payload and the request's parameters."""

    methods: ClassVar[frozenset[str]] = frozenset({"json", "params", "path"})
    properties: ClassVar[frozenset[str]] = frozenset({"body"})

    def __init__(
        self, body: str, path: Mapping[str, str], querystring: Mapping[str, str], header: Mapping[str, str]
    ) -> None:
        self._text = body
        self._parsed: Any = None
        self._is_parsed = False
        self._params = {"path": dict(path), "querystring": dict(querystring), "header": dict(header)}

    @property
    def body(self) -> str:
        return self._text or "{}"

    def _document(self) -> Any:
        if not self._is_parsed:
            try:
                self._parsed = from_json(parse_json(self._text)) if self._text.strip() else {}
            except (ValueError, RecursionError) as error:
                raise InvalidJsonBody(f"Could not parse request body into json: {error}") from error
            self._is_parsed = True
        return self._parsed

    def path(self, expression: str = "$") -> Any:
        """What a JSONPath finds, null when nothing is there."""
        try:
            return from_json(jsonpath.evaluate(expression, self._document()))
        except jsonpath.PathError as error:
            raise TemplateError(str(error)) from error

    def json(self, expression: str = "$") -> str:
        """What a JSONPath finds, as JSON; an empty string, with its quotes, when nothing is there."""
        found = self.path(expression)
        return '""' if found is None else to_json(found)

    def params(self, name: str | None = None) -> Any:
        """All parameters, or the one of that name, looked for in path, query string and headers.

        Names are compared with their case, as API Gateway's "Important notes" say of headers and query parameters.
        """
        if name is None:
            return self._params
        for values in self._params.values():
            if name in values:
                return values[name]
        return ""


class Util(TemplateObject):
    """``$util``."""

    methods: ClassVar[frozenset[str]] = frozenset(
        {"base64Decode", "base64Encode", "escapeJavaScript", "parseJson", "urlDecode", "urlEncode"}
    )

    def escapeJavaScript(self, value: Any) -> str:
        """Escape as Java's commons-lang does: a single quote becomes ``\\'``, which is no JSON."""
        return "".join(_escaped(to_string(value)))

    def parseJson(self, value: Any) -> Any:
        try:
            return from_json(parse_json(to_string(value)))
        except (ValueError, RecursionError) as error:
            raise TemplateError(f"$util.parseJson: {error}") from error

    def urlEncode(self, value: Any) -> str:
        if value is None:
            return ""
        return quote_plus(to_string(value), safe="*-._").replace("~", "%7E")

    def urlDecode(self, value: Any) -> str:
        if value is None:
            return ""
        return unquote_plus(to_string(value))

    def base64Encode(self, value: Any) -> str:
        return base64.b64encode(to_string(value).encode()).decode()

    def base64Decode(self, value: Any) -> str:
        try:
            return base64.b64decode(to_string(value), validate=False).decode("utf-8", "replace")
        except binascii.Error as error:
            raise TemplateError(f"$util.base64Decode: {error}") from error


_ESCAPES = {
    '"': '\\"',
    "'": "\\'",
    "\\": "\\\\",
    "/": "\\/",
    "\b": "\\b",
    "\n": "\\n",
    "\t": "\\t",
    "\f": "\\f",
    "\r": "\\r",
}


def _escaped(text: str) -> Iterator[str]:
    for char in text:
        if char in _ESCAPES:
            yield _ESCAPES[char]
        elif " " <= char <= "~":
            yield char
        else:
            yield from (f"\\u{unit.upper()}" for unit in char.encode("utf-16-be").hex(" ", 2).split())


UTIL = Util()
