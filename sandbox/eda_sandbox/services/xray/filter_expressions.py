"""Filter expressions: which traces a group or a query means.

https://docs.aws.amazon.com/xray/latest/devguide/aws-xray-interface-console.html#xray-console-filters
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.xray.summaries import annotations, users
from eda_sandbox.services.xray.traces import Node, Segment, Trace

Holds = Callable[[Trace], bool]
Fits = Callable[[Segment], bool]
IsNode = Callable[[Node], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>\d+(?:\.\d+)?)"""
    r"""|(?P<word>[A-Za-z_][\w.]*)|(?P<sign><=|>=|!=|[=<>!(){},:\[\]]))"""
)
_BOOLEANS = ("ok", "error", "throttle", "fault", "partial", "inferred", "root")
_NUMBERS = ("responsetime", "duration", "http.status")
_TEXTS = ("http.url", "http.method", "http.useragent", "http.clientip", "user", "name", "type", "resource.arn")
_OF_TRACES = (
    "duration",
    "http.status",
    "http.url",
    "http.method",
    "http.useragent",
    "http.clientip",
    "user",
    "partial",
)
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda value, given: bool(value == given),
    "!=": lambda value, given: bool(value != given),
    "<": lambda value, given: bool(value < given),
    "<=": lambda value, given: bool(value <= given),
    ">": lambda value, given: bool(value > given),
    ">=": lambda value, given: bool(value >= given),
    "CONTAINS": lambda value, given: given in value,
    "BEGINSWITH": lambda value, given: bool(value.startswith(given)),
    "ENDSWITH": lambda value, given: bool(value.endswith(given)),
}
_WORDS = ("CONTAINS", "BEGINSWITH", "ENDSWITH")


def parse(text: str, groups: Callable[[str, str], str | None]) -> Holds:
    """Whether a trace is meant.

    Args:
        text: the expression; empty means every trace.
        groups: the expression of a group, by ``name`` or ``arn`` and that; None where there is none.

    Raises:
        AwsError: it is none, or the sandbox does not offer what it says.
    """
    if not text.strip():
        return lambda _: True
    return _Parser(text, groups).whole()


@dataclass(frozen=True)
class _Token:
    kind: str
    value: str


class _Parser:
    def __init__(self, text: str, groups: Callable[[str, str], str | None]) -> None:
        self._groups = groups
        self._tokens = _tokens(text)
        self._at = 0

    def whole(self) -> Holds:
        found = self._any(self._trace_term)
        if self._at < len(self._tokens):
            raise _invalid(f"unexpected {self._tokens[self._at].value!r}")
        return found

    # Of traces and of segments alike: OR of ANDs of terms, where AND need not be written.

    def _any(self, term: Callable[[], Callable[[Any], bool]]) -> Callable[[Any], bool]:
        found = [self._all(term)]
        while self._takes("OR"):
            found.append(self._all(term))
        return found[0] if len(found) == 1 else lambda it: any(one(it) for one in found)

    def _all(self, term: Callable[[], Callable[[Any], bool]]) -> Callable[[Any], bool]:
        found = [self._not(term)]
        while self._takes("AND") or (self._peek() not in (None, ")", "}") and not self._is_word("OR")):
            found.append(self._not(term))
        return found[0] if len(found) == 1 else lambda it: all(one(it) for one in found)

    def _not(self, term: Callable[[], Callable[[Any], bool]]) -> Callable[[Any], bool]:
        if self._takes("!"):
            inner = self._not(term)
            return lambda it: not inner(it)
        if self._takes("("):
            inner = self._any(term)
            self._needs(")")
            return inner
        return term()

    def _trace_term(self) -> Holds:
        word = self._word()
        if word == "service":
            wanted, fits = self._service(), self._braces()
            return lambda trace: any(wanted(segment.node) and fits(segment) for segment in trace.segments)
        if word == "edge":
            self._needs("(")
            source = self._node()
            self._needs(",")
            target = self._node()
            self._needs(")")
            fits = self._braces()
            return lambda trace: any(_is_edge(s, source, target) and fits(s) for s in trace.segments)
        if word in ("group.name", "group.arn"):
            self._needs("=")
            name = self._text()
            expression = self._groups(word.partition(".")[2], name)
            if expression is None:
                raise _invalid(f"there is no group {name!r}")
            return parse(expression, lambda *_: None)
        if word == "annotation" or word.startswith("annotation."):
            return self._annotation(word)
        return self._keyword(word, _of_trace)

    def _segment_term(self) -> Fits:
        word = self._word()
        if word in _OF_TRACES and word not in ("http.status", "http.url", "http.method"):
            raise _refused(f"{word} within braces")
        return self._keyword(word, _of_segment)

    def _annotation(self, word: str) -> Holds:
        key = word.partition(".")[2]
        if not key:
            self._needs("[")
            key = self._text() if self._peek_kind() == "text" else self._word()
            self._needs("]")
        compare = self._comparison(optional=True)
        return lambda trace: any(
            found == key and (compare is None or compare(value)) for _, found, value in annotations(trace)
        )

    def _keyword(self, word: str, read: Callable[[str, Any], list[Any]]) -> Callable[[Any], bool]:
        if word in _BOOLEANS:
            compare = self._comparison(optional=True)
            return lambda it: any(value if compare is None else compare(value) for value in read(word, it))
        if word in (*_NUMBERS, *_TEXTS):
            compared = self._comparison()
            assert compared is not None
            return lambda it: any(compared(value) for value in read(word, it))
        raise _refused(f"the keyword {word}")

    def _comparison(self, *, optional: bool = False) -> Callable[[Any], bool] | None:
        sign = self._peek()
        if sign is None or sign not in _COMPARED or self._peek_kind() == "text":
            if optional:
                return None
            raise _invalid(f"an operator is missing before {sign!r}" if sign else "an operator is missing")
        self._at += 1
        kind, given = self._peek_kind(), self._next()
        wanted: Any = given
        if kind == "text":
            wanted = _unquoted(given)
        elif kind == "number":
            wanted = float(given)
        elif kind == "word" and given.lower() in ("true", "false"):
            wanted = given.lower() == "true"
        else:
            raise _invalid(f"{given!r} is no value")
        operate = _COMPARED[sign]

        def compare(value: Any) -> bool:
            try:
                return operate(value, wanted)
            except (TypeError, AttributeError):
                return False

        return compare

    def _service(self) -> IsNode:
        self._needs("(")
        if self._takes(")"):
            return lambda _: True
        found = self._node()
        self._needs(")")
        return found

    def _node(self) -> IsNode:
        if self._peek_kind() == "text":
            name = self._text()
            return lambda node: node.name == name
        if not self._takes("id"):
            raise _invalid(f"{self._peek()!r} is no service")
        self._needs("(")
        given: dict[str, str] = {}
        while True:
            member = self._word()
            if member not in ("name", "type"):
                raise _refused(f"id({member}: ...)")
            self._needs(":")
            given[member] = self._text()
            if not self._takes(","):
                break
        self._needs(")")
        return lambda node: given.get("name", node.name) == node.name and given.get("type", node.type) == node.type

    def _braces(self) -> Fits:
        if not self._takes("{"):
            return lambda _: True
        if self._takes("}"):
            return lambda _: True
        found = self._any(self._segment_term)
        self._needs("}")
        return found

    def _peek(self) -> str | None:
        return self._tokens[self._at].value if self._at < len(self._tokens) else None

    def _peek_kind(self) -> str | None:
        return self._tokens[self._at].kind if self._at < len(self._tokens) else None

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise _invalid("it ends too soon")
        self._at += 1
        return self._tokens[self._at - 1].value

    def _is_word(self, word: str) -> bool:
        return self._peek_kind() == "word" and (self._peek() or "").upper() == word

    def _takes(self, wanted: str) -> bool:
        found = self._peek() == wanted and self._peek_kind() != "text"
        if found or (wanted in ("AND", "OR") and self._is_word(wanted)):
            self._at += 1
            return True
        return False

    def _needs(self, sign: str) -> None:
        if not self._takes(sign):
            raise _invalid(f"{sign!r} is missing")

    def _word(self) -> str:
        if self._peek_kind() != "word":
            raise _invalid(f"unexpected {self._peek()!r}" if self._peek() else "it ends too soon")
        return self._next()

    def _text(self) -> str:
        if self._peek_kind() != "text":
            raise _invalid(f"{self._peek()!r} is no text")
        return _unquoted(self._next())


def _tokens(text: str) -> list[_Token]:
    found, at, text = [], 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _invalid(f"unexpected {text[at:].strip()[:20]!r}")
        found.append(_Token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _is_edge(segment: Segment, source: IsNode, target: IsNode) -> bool:
    return segment.caller is not None and source(segment.caller.node) and target(segment.node)


def _of_trace(word: str, trace: Trace) -> list[Any]:
    """The values of a keyword in a trace; most are those of its first segment."""
    if word == "duration":
        return [trace.end - trace.root.begin]
    if word == "partial":
        return [trace.partial]
    if word == "user":
        return [user for _, user in users(trace)]
    if word in ("name", "type", "inferred", "resource.arn"):
        return [value for segment in trace.segments for value in _of_segment(word, segment)]
    return _of_segment(word, trace.root)


def _of_segment(word: str, segment: Segment) -> list[Any]:
    document = segment.document
    http = document.get("http") or {}
    request, answer = http.get("request") or {}, http.get("response") or {}
    values: dict[str, Any] = {
        "ok": not any(segment.flag(name) for name in ("error", "throttle", "fault")),
        "error": segment.flag("error"),
        "throttle": segment.flag("throttle"),
        "fault": segment.flag("fault"),
        "inferred": segment.flag("inferred"),
        "root": segment.caller is None,
        "responsetime": segment.end - segment.begin,
        "http.status": answer.get("status"),
        "http.url": request.get("url"),
        "http.method": request.get("method"),
        "http.useragent": request.get("user_agent"),
        "http.clientip": request.get("client_ip"),
        "name": segment.node.name,
        "type": segment.node.type,
        "resource.arn": document.get("resource_arn"),
    }
    return [] if values[word] is None else [values[word]]


def _invalid(why: str) -> AwsError:
    return AwsError("InvalidRequestException", f"Invalid filter expression: {why}")


def _refused(what: str) -> AwsError:
    return AwsError("InvalidRequestException", f"the sandbox does not offer {what} in filter expressions")
