"""Event patterns: what EventBridge's rules and the filters of Pipes and event source mappings match events with.

The language is that of https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html, its
finer points those of https://github.com/aws/event-ruler: conditions below the same array hold for one element of it.
"""

import ipaddress
import json
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

WILDCARD_PREFIXES = 10
"""How many beginnings of a wildcard pattern may match one text. AWS tells no number: of its own example of a pattern
that is too complex, ``*:*:*:*:*:event-bus/*``, more match."""
MAXIMUM_COMBINATIONS = 1000
"""How many combinations of ``$or`` a pattern may stand for."""

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MATCH_TYPES = ("anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard")
_TEXT_TYPES = ("equals-ignore-case", "prefix", "suffix", "wildcard")
_PLACE = re.compile(r" at (\$\S*)$")
_Path = tuple[str, ...]
_Rule = dict[_Path, list[list[Any]]]


def parse(text: str) -> dict[str, Any]:
    """A pattern from its JSON text, checked.

    Raises:
        ValueError: it is no valid pattern; the message says why.
    """
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise _invalid(f"Filter is not JSON: {error}") from None
    check(pattern)
    return dict(pattern)


def check(pattern: Any) -> None:
    """Check that a pattern is one that EventBridge accepts.

    Args:
        pattern: the pattern as read from JSON.

    Raises:
        ValueError: it is not; the message is that of ``InvalidEventPatternException``.
    """
    if not isinstance(pattern, Mapping):
        raise _invalid("Filter is not an object")
    _check_object(pattern, "$")
    if _combinations(pattern) > MAXIMUM_COMBINATIONS:
        raise _invalid(f"the rule stands for more than {MAXIMUM_COMBINATIONS} combinations of $or")


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Whether an event matches a pattern.

    Args:
        pattern: a pattern that ``check`` accepts.
        event: the event as read from JSON; what is no object matches nothing.
    """
    if not isinstance(event, Mapping):
        return False
    event = _without_dots(event)
    present = set(_leaves(event, ()))
    return any(_holds(rule, event, (), present) for rule in _rules(pattern))


def _invalid(reason: str) -> ValueError:
    # As EventBridge does, which says the place in the text there.
    placed = _PLACE.sub(r"\n at \1", reason)
    return ValueError(f"Event pattern is not valid. Reason: {placed}")


def _check_object(pattern: Mapping[str, Any], path: str, *, in_or: bool = False) -> None:
    if not pattern:
        raise _invalid(f"Empty objects are not allowed at {path}")
    for key, value in pattern.items():
        where = f"{path}.{key}"
        if key == "$or":
            _check_or(value, where)
        elif in_or and (key in _MATCH_TYPES or key in _COMPARISONS):
            raise _invalid(f"{key} is a reserved field name which cannot be used inside $or at {path}")
        elif isinstance(value, Mapping):
            _check_object(value, where, in_or=in_or)
        elif isinstance(value, list):
            if not value:
                raise _invalid(f"Empty arrays are not allowed at {where}")
            for matcher in value:
                _check_matcher(matcher, where)
        else:
            raise _invalid(f'"{key}" must be an object or an array at {path}')


def _check_or(options: Any, path: str) -> None:
    if not isinstance(options, list):
        raise _invalid(f"It must be an Array followed with $or at {path}")
    for option in options:
        if not isinstance(option, Mapping):
            raise _invalid(f"Only JSON object is allowed in array of $or relationship at {path}")
        _check_object(option, path, in_or=True)
    if len(options) < 2:
        raise _invalid(f"There must have at least 2 Objects in $or relationship at {path}")


def _check_matcher(matcher: Any, path: str) -> None:
    if isinstance(matcher, list):
        raise _invalid(f"Match value must be String, number, true, false, or null at {path}")
    if not isinstance(matcher, Mapping):
        return
    if len(matcher) != 1:
        reason = "Only one key allowed in match expression" if matcher else "Match expression name not found"
        raise _invalid(f"{reason} at {path}")
    ((kind, operand),) = matcher.items()
    match kind:
        case "exists":
            if not isinstance(operand, bool):
                raise _invalid(f"exists match pattern must be either true or false. at {path}")
        case "numeric":
            _check_numeric(operand, path)
        case "cidr":
            _check_cidr(operand, path)
        case "anything-but":
            _check_anything_but(operand, path)
        case "prefix" | "suffix" if isinstance(operand, Mapping):
            if list(operand) != ["equals-ignore-case"]:
                raise _invalid(f"Unsupported {kind} pattern: {', '.join(operand)} at {path}")
            _check_text("equals-ignore-case", operand["equals-ignore-case"], path)
        case "prefix" | "suffix" | "equals-ignore-case" | "wildcard":
            _check_text(kind, operand, path)
        case _:
            raise _invalid(f"Unrecognized match type {kind} at {path}")


def _check_text(kind: str, operand: Any, path: str) -> None:
    if not isinstance(operand, str):
        raise _invalid(f"{kind} match pattern must be a string at {path}")
    if kind == "wildcard":
        try:
            _wildcard(operand)
        except ValueError as error:
            raise _invalid(f"{error} at {path}") from None
        if _is_too_complex(operand):
            raise _invalid(
                "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences "
                "after a wildcard character"
            )


def _check_numeric(operand: Any, path: str) -> None:
    if not isinstance(operand, list):
        raise _invalid(f"Value of numeric must be an array. at {path}")
    operators, values = operand[::2], operand[1::2]
    for index, name in enumerate(operators):
        if not isinstance(name, str):
            what = "Bad value in numeric range" if index else "Invalid member in numeric match"
            raise _invalid(f"{what}: {json.dumps(name)} at {path}")
        if name not in _COMPARISONS:
            raise _invalid(f"{'Bad' if index else 'Unrecognized'} numeric range operator: {name} at {path}")
    for index, name in enumerate(operators):
        if index >= len(values) or not _is_number(values[index]):
            raise _invalid(f"Value of {name} must be numeric at {path}")
    if not operators:
        raise _invalid(f"Invalid member in numeric match: ] at {path}")
    if len(operators) > 2 or (len(operators) == 2 and operators[0] not in (">", ">=")):
        raise _invalid(f"Too many elements in numeric expression at {path}")
    if len(operators) == 2 and operators[1] not in ("<", "<="):
        raise _invalid(f"Bad numeric range operator: {operators[1]} at {path}")
    if len(operators) == 2 and not values[0] < values[1]:
        raise _invalid(f"Bottom must be less than top at {path}")


def _check_cidr(operand: Any, path: str) -> None:
    if not isinstance(operand, str):
        raise _invalid(f"prefix match pattern must be a string at {path}")
    address, slash, bits = operand.partition("/")
    if not slash or "/" in bits:
        raise _invalid(f"Malformed CIDR, one '/' required at {path}")
    if not bits.isdecimal():
        raise _invalid(f"Malformed CIDR, mask bits must be an integer at {path}")
    try:
        longest = ipaddress.ip_address(address).max_prefixlen
    except ValueError:
        raise _invalid(f"Nonstandard IP address: {address} at {path}") from None
    if int(bits) >= longest:
        raise _invalid(f"mask bits must be < {longest} at {path}")


def _check_anything_but(operand: Any, path: str) -> None:
    if isinstance(operand, Mapping):
        kind, texts = next(iter(operand.items()), ("", None))
        if len(operand) != 1 or kind not in _TEXT_TYPES:
            raise _invalid(f"Unsupported anything-but pattern: {', '.join(operand)} at {path}")
        if texts == []:
            raise _invalid(f"Empty arrays are not allowed at {path}")
        for text in _as_list(texts):
            if not isinstance(text, str) and kind == "equals-ignore-case":
                reason = "number|start|null|boolean is not supported."
                raise _invalid(f"Inside anything-but/equals-ignore-case list, {reason} at {path}")
            if isinstance(text, Mapping):
                raise _invalid(f"Value of anything-but must be an array or single string/number value. at {path}")
            if not isinstance(text, str) and kind in ("prefix", "suffix"):
                raise _invalid(f"prefix/suffix match pattern must be a string at {path}")
            _check_text(kind, text, path)
            if not text and kind in ("prefix", "suffix"):
                raise _invalid(f"Null prefix/suffix not allowed at {path}")
        return
    values = _as_list(operand)
    if not isinstance(operand, list) and not _is_text_or_number(operand):
        raise _invalid(f"Value of anything-but must be an array or single string/number value. at {path}")
    if not all(_is_text_or_number(value) for value in values):
        raise _invalid(f"Inside anything but list, start|null|boolean is not supported. at {path}")
    if len({isinstance(value, str) for value in values}) != 1:
        raise _invalid(
            f"Inside anything but list, either all values are number or string, mixed type is not supported at {path}"
        )


def _combinations(pattern: Mapping[str, Any]) -> int:
    return math.prod(
        sum(_combinations(option) for option in value) if key == "$or" else _combinations(value)
        for key, value in pattern.items()
        if key == "$or" or isinstance(value, Mapping)
    )


def _rules(pattern: Mapping[str, Any]) -> list[_Rule]:
    """The alternatives that a pattern stands for, without ``$or``: for each path the lists that all have to match."""
    rules: list[_Rule] = [{}]
    for key, value in pattern.items():
        if key == "$or":
            options = [rule for option in value for rule in _rules(option)]
        elif isinstance(value, Mapping):
            options = [{(*key.split("."), *path): lists for path, lists in rule.items()} for rule in _rules(value)]
        else:
            options = [{tuple(key.split(".")): [value]}]
        rules = [
            {path: rule.get(path, []) + option.get(path, []) for path in (*rule, *option)}
            for rule in rules
            for option in options
        ]
    return rules


def _without_dots(value: Any) -> Any:
    """An event in which a name with dots is a path, as it is for EventBridge."""
    if isinstance(value, list):
        return [_without_dots(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    found: dict[str, Any] = {}
    for key, item in value.items():
        place, parts = found, key.split(".")
        for part in parts[:-1]:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                break
            place = inner
        else:
            inside = _without_dots(item)
            known = place.get(parts[-1])
            place[parts[-1]] = {**known, **inside} if isinstance(known, dict) and isinstance(inside, dict) else inside
    return found


def _leaves(value: Any, path: _Path) -> Iterator[_Path]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, path)
    else:
        yield path


def _holds(rule: _Rule, value: Mapping[str, Any], parents: _Path, present: set[_Path]) -> bool:
    deeper: dict[str, _Rule] = {}
    for path, lists in rule.items():
        if len(path) > 1:
            deeper.setdefault(path[0], {})[path[1:]] = lists
            continue
        absent = (*parents, path[0]) not in present
        found = [item for item in _elements(value.get(path[0])) if not isinstance(item, Mapping)]
        for matchers in lists:
            may_be_absent = absent and {"exists": False} in matchers
            if not may_be_absent and not (
                path[0] in value and any(_matches_value(matcher, item) for matcher in matchers for item in found)
            ):
                return False
    for key, inner in deeper.items():
        # A parent that is not there holds no fields: its fields count as absent.
        objects = [item for item in _elements(value.get(key)) if isinstance(item, Mapping)] or [{}]
        if not any(_holds(inner, item, (*parents, key), present) for item in objects):
            return False
    return True


def _elements(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _elements(item)
    else:
        yield value


def _matches_value(matcher: Any, value: Any) -> bool:
    if not isinstance(matcher, Mapping):
        return _same(matcher, value)
    ((kind, operand),) = matcher.items()
    match kind:
        case "exists":
            return bool(operand)
        case "numeric":
            pairs = zip(operand[::2], operand[1::2], strict=True)
            return _is_number(value) and all(_COMPARISONS[name](value, limit) for name, limit in pairs)
        case "cidr":
            return isinstance(value, str) and _in_network(value, operand)
        case "anything-but" if isinstance(operand, Mapping):
            ((inner, texts),) = operand.items()
            return not any(_matches_text(inner, text, value) for text in _as_list(texts))
        case "anything-but":
            return not any(_same(item, value) for item in _as_list(operand))
        case _ if isinstance(operand, Mapping):
            text = operand["equals-ignore-case"]
            return isinstance(value, str) and _matches_text(kind, text.lower(), value.lower())
        case _:
            return _matches_text(kind, operand, value)


def _matches_text(kind: str, text: str, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    match kind:
        case "prefix":
            return value.startswith(text)
        case "suffix":
            return value.endswith(text)
        case "equals-ignore-case":
            return value.lower() == text.lower()
        case _:
            return _wildcard(text).fullmatch(value) is not None


def _wildcard(text: str) -> re.Pattern[str]:
    pattern, position = "", 0
    while position < len(text):
        letter, following = text[position], text[position + 1 : position + 2]
        if letter == "*":
            if following == "*":
                raise ValueError(f"Consecutive wildcard characters at pos {position + 1}")
            pattern += ".*"
        elif letter == "\\":
            if following not in ("*", "\\"):
                raise ValueError(f"Invalid escape character at pos {position + 1}")
            pattern += re.escape(following)
            position += 1
        else:
            pattern += re.escape(letter)
        position += 1
    return re.compile(pattern, re.DOTALL)


def _is_too_complex(text: str) -> bool:
    """Whether so many beginnings of a wildcard pattern can match one text that EventBridge refuses it."""
    parts = re.findall(r"\\.|.", text, re.DOTALL)
    letters = {part[-1] for part in parts if part != "*"} | {""}
    begun = _over_wildcards(frozenset({0}), parts)
    known, ahead = {begun}, [begun]
    while ahead:
        at = ahead.pop()
        if len(at - {0}) > WILDCARD_PREFIXES:
            return True
        for letter in letters:
            stay = {place for place in at if place and parts[place - 1] == "*"}
            go_on = {
                place + 1 for place in at if place < len(parts) and parts[place] in (letter, f"\\{letter}") and letter
            }
            reached = _over_wildcards(frozenset(stay | go_on), parts)
            if reached not in known:
                known.add(reached)
                ahead.append(reached)
    return False


def _over_wildcards(places: frozenset[int], parts: list[str]) -> frozenset[int]:
    """With the places behind wildcards, which match nothing, too."""
    return places | {place + 1 for place in places if place < len(parts) and parts[place] == "*"}


def _in_network(value: str, cidr: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False


def _same(expected: Any, value: Any) -> bool:
    # True equals 1 in Python, not in JSON.
    return isinstance(expected, bool) == isinstance(value, bool) and bool(expected == value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text_or_number(value: Any) -> bool:
    return isinstance(value, str) or _is_number(value)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
