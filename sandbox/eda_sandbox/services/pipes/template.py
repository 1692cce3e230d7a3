"""Input templates of Pipes: text with ``<$.path>`` and ``<aws.pipes.variable>`` in it.

The rules are those of https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html:

- In a JSON template a variable outside quotes becomes a JSON value: a string with its quotes, escaped. Inside quotes it
  becomes text as it is, not escaped; objects and arrays lose their quotes there.
- A path that leads nowhere becomes nothing inside quotes. What stands where a value has to is a doubt
  (``pipes-missing-path``), and whether a string there is escaped, too (``pipes-quotes``).
- A template that is one variable alone gives its text; an object or array gives a string without its inner quotes.
- There is no check of paths beforehand, and none of the result but the one that the target makes.
"""

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

RESERVED = (
    "aws.pipes.pipe-arn",
    "aws.pipes.pipe-name",
    "aws.pipes.source-arn",
    "aws.pipes.enrichment-arn",
    "aws.pipes.target-arn",
    "aws.pipes.event.ingestion-time",
    "aws.pipes.event",
    "aws.pipes.event.json",
)
_VARIABLE = re.compile(r"<(\$[^<>]*|aws\.pipes\.[^<>]*)>")
_STEP = re.compile(r"\.([\w/-]+|\*)|\[(\d+|\*)\]")


class _Missing:
    """What a path that leads nowhere gives."""


MISSING = _Missing()
Value = Any


class TemplateError(ValueError):
    """A template is none, or gives nothing that its target can take; the message says why."""


@dataclass(frozen=True)
class _Piece:
    """Literal text, or a variable and whether it stands inside quotes."""

    text: str
    variable: bool = False
    quoted: bool = False


class InputTemplate:
    """A template, read once and applied to each event.

    Args:
        text: the template, at most 8,192 characters.

    Raises:
        TemplateError: it names a reserved variable that there is not, or a path in a form that Pipes does not know.
    """

    def __init__(self, text: str) -> None:
        # Stands for a member that is left out, and is in no event.
        self._nothing = secrets.token_hex(16)
        self._is_json = text.lstrip()[:1] in ("{", "[")
        self._alone = _VARIABLE.fullmatch(text.strip()) is not None
        self._pieces = list(_pieces(text.strip() if self._alone else text, self._is_json))
        for piece in self._pieces:
            if piece.variable and piece.text.startswith("$"):
                _steps(piece.text)
            elif piece.variable and piece.text not in RESERVED:
                raise TemplateError(f"<{piece.text}> is no reserved variable; there are {', '.join(RESERVED)}")

    def apply(
        self, event: Value, reserved: Mapping[str, str], missing: str = "empty-string", quotes: str = "escaped"
    ) -> str:
        """The text for one event.

        Args:
            event: the event, with encoded fields decoded.
            reserved: the values of the reserved variables but those of the event.
            missing: the value of the doubt ``pipes-missing-path``.
            quotes: the value of the doubt ``pipes-quotes``.

        Raises:
            TemplateError: a JSON template does not give JSON.
        """
        if self._alone:
            return _alone(self._value(self._pieces[0], event, reserved))
        parts = []
        for piece in self._pieces:
            if not piece.variable:
                parts.append(piece.text)
                continue
            value = self._value(piece, event, reserved)
            if self._is_json and not piece.quoted:
                if value is MISSING:
                    value = {"empty-string": "", "null": None, "omitted": self._nothing}[missing]
                parts.append(f'"{value}"' if quotes == "verbatim" and isinstance(value, str) else _dump(value))
            elif piece.text.startswith("aws.pipes.event") and not isinstance(value, str):
                # The event is escaped where it stands in a string, its JSON form is not.
                text = _dump(value)
                parts.append(text if piece.text.endswith(".json") else json.dumps(text, ensure_ascii=False)[1:-1])
            else:
                parts.append(_text(value))
        result = "".join(parts)
        if self._is_json:
            try:
                made = json.loads(result)
            except ValueError as error:
                raise TemplateError(f"the input template gives no JSON: {error}") from None
            if self._nothing in result:
                ended = result[len(result.rstrip()) :]
                return _dump(self._without(made)) + ended
        return result

    def _without(self, value: Value) -> Value:
        if isinstance(value, dict):
            return {name: self._without(inner) for name, inner in value.items() if inner != self._nothing}
        if isinstance(value, list):
            return [self._without(inner) for inner in value if inner != self._nothing]
        return value

    @staticmethod
    def _value(piece: _Piece, event: Value, reserved: Mapping[str, str]) -> Value:
        if piece.text.startswith("$"):
            return resolve(piece.text, event)
        if piece.text in ("aws.pipes.event", "aws.pipes.event.json"):
            return event
        return reserved.get(piece.text, MISSING)


def resolve(path: str, event: Value) -> Value:
    """What a path leads to in an event, ``MISSING`` where it leads nowhere.

    Args:
        path: ``$`` with steps ``.name``, ``.*``, ``[0]`` and ``[*]``.
        event: the event.

    Raises:
        TemplateError: the path is in a form that Pipes does not know.
    """
    found, many = [event], False
    for step in _steps(path):
        many = many or step == "*"
        found = [inner for value in found for inner in _inside(value, step)]
    if many:
        return found
    return found[0] if found else MISSING


def _inside(value: Value, step: str) -> list[Value]:
    if step == "*":
        return list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []
    if isinstance(value, dict):
        return [value[step]] if step in value else []
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return [value[int(step)]]
    return []


def _steps(path: str) -> list[str]:
    steps, position = [], 1
    while position < len(path):
        found = _STEP.match(path, position)
        if found is None:
            raise TemplateError(f"<{path}> is no path that Pipes knows: $ with steps .name, .*, [0] and [*]")
        steps.append(found[1] or found[2])
        position = found.end()
    return steps


def _pieces(text: str, is_json: bool) -> Iterator[_Piece]:
    quoted, begin = False, 0
    for found in _VARIABLE.finditer(text):
        literal = text[begin : found.start()]
        if literal:
            yield _Piece(literal)
        if is_json:
            quoted = _ends_quoted(literal, quoted)
        yield _Piece(found[1], variable=True, quoted=quoted)
        begin = found.end()
    if begin < len(text):
        yield _Piece(text[begin:])


def _ends_quoted(literal: str, quoted: bool) -> bool:
    escaped = False
    for character in literal:
        if escaped:
            escaped = False
        elif character == "\\" and quoted:
            escaped = True
        elif character == '"':
            quoted = not quoted
    return quoted


def _dump(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(value: Value) -> str:
    if value is MISSING:
        return ""
    return value if isinstance(value, str) else _dump(value).replace('"', "")


def _alone(value: Value) -> str:
    return f'"{_text(value)}"' if isinstance(value, dict | list) else _text(value)
