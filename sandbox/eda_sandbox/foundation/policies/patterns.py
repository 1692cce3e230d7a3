"""IAM's wildcards: ``*`` takes any characters, ``?`` one."""

import re
from functools import lru_cache

_LITERAL = {ord("*"): "\ue000", ord("?"): "\ue001"}
_WILD = {"*": ".*", "?": ".", "\ue000": r"\*", "\ue001": r"\?"}
ARN_PARTS = 6


def literal(text: str) -> str:
    """A pattern that takes this text alone, as part of another pattern."""
    return text.translate(_LITERAL)


def written(pattern: str) -> str:
    """The text of a pattern that has no wildcards, or whose wildcards mean nothing."""
    return pattern.replace("\ue000", "*").replace("\ue001", "?")


@lru_cache(8192)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    text = "".join(_WILD.get(character) or re.escape(character) for character in pattern)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def matches(value: str, pattern: str, *, ignore_case: bool = False) -> bool:
    """Whether a value is one of those that a pattern takes."""
    return pattern == "*" or _compiled(pattern, ignore_case).fullmatch(value) is not None


def matches_arn(value: str, pattern: str) -> bool:
    """Whether an ARN is one of those that a pattern takes, each of its six parts by itself (ArnEquals, ArnLike)."""
    if pattern == "*":
        return True
    parts, expected = value.split(":", ARN_PARTS - 1), pattern.split(":", ARN_PARTS - 1)
    return len(parts) == len(expected) and all(map(matches, parts, expected))


def completed(resource: str) -> str:
    """A Resource whose last parts are not given: they are wildcards (IAM User Guide, Resource)."""
    missing = ARN_PARTS - 1 - resource.count(":")
    return resource + ":*" * missing if missing > 0 and resource.startswith("arn:") else resource
