"""Checks a component's arguments before anything is made of them."""

import difflib
from collections.abc import Callable, Mapping, Set
from enum import Enum
from functools import wraps
from typing import Any

import pulumi


class ArgumentError(ValueError):
    """An argument of a component is missing, unknown or has a value that is not allowed.

    The message names the component, the argument, what was found and what is allowed.
    """

    def __init__(self, component: str, argument: str, problem: str) -> None:
        super().__init__(f"{component}: the argument {argument!r} {problem}")


def names(kind: type) -> frozenset[str]:
    """The names of all arguments of a TypedDict."""
    found: frozenset[str] = kind.__required_keys__ | kind.__optional_keys__  # type: ignore[attr-defined]  # every TypedDict has them
    return found


def check(component: str, args: Mapping[str, Any], kind: type) -> None:
    """Check the names of arguments against their TypedDict.

    Args:
        component: the component's type and name, for messages.
        args: what was given.
        kind: the TypedDict.

    Raises:
        ArgumentError: one is unknown or a necessary one is missing.
    """
    required: frozenset[str] = kind.__required_keys__  # type: ignore[attr-defined]  # every TypedDict has it
    known = names(kind)
    for name in args:
        _check_known(component, name, known)
    for name in sorted(required):
        if args.get(name) is None:
            raise ArgumentError(component, name, "is missing")


def _check_known(component: str, name: str, known: Set[str]) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; is {near[0]!r} meant?" if near else f"; known are {', '.join(sorted(known))}"
        raise ArgumentError(component, name, f"is unknown{hint}")


def takes_keywords(make: Callable[..., None]) -> Callable[..., None]:
    """Let a component's ``__init__`` take its arguments as keywords too, and check their names.

    Args:
        make: the ``__init__``; its parameter ``args`` is annotated with the TypedDict.
    """

    @wraps(make)
    def made(
        self: pulumi.ComponentResource,
        name: str,
        args: Mapping[str, Any] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **keywords: Any,
    ) -> None:
        component, kind = f"{type(self).__name__} {name!r}", make.__annotations__["args"]
        if args is not None and keywords:
            raise ArgumentError(component, next(iter(keywords)), "is a keyword, but there is a dictionary of arguments")
        if args is not None and not isinstance(args, Mapping):
            raise ArgumentError(component, "args", f"is {args!r}; it has to be a dictionary, or keywords in its place")
        for keyword in keywords:
            _check_known(component, keyword, {*names(kind), "opts"})
        given = keywords if args is None else args
        check(component, given, kind)
        make(self, name, given, opts)

    return made


def number(component: str, args: Mapping[str, Any], name: str, default: int, low: int, high: int) -> Any:
    """A whole number within bounds; an output that is not known yet is passed on.

    Raises:
        ArgumentError: it is no whole number within the bounds.
    """
    value = args.get(name, default)
    if isinstance(value, pulumi.Output):
        return value
    # Arguments that came over the plugin boundary are floats.
    whole = isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
    if not whole or not low <= value <= high:
        raise ArgumentError(component, name, f"is {value!r}; allowed are whole numbers from {low} to {high}")
    return int(value)


def together(component: str, args: Mapping[str, Any], *names: str) -> bool:
    """Check that arguments are all given or none; whether they are.

    Raises:
        ArgumentError: one is given without another.
    """
    given = [name for name in names if args.get(name) is not None]
    for name in names:
        if given and name not in given:
            raise ArgumentError(component, name, f"is missing; {given[0]!r} needs it")
    return bool(given)


def one_of(component: str, args: Mapping[str, Any], name: str, kind: type[Enum], default: Enum | None = None) -> Any:
    """A member of an Enum, given as such or as its value.

    Raises:
        ArgumentError: it is none of them.
    """
    value = args.get(name, default)
    if isinstance(value, kind):
        return value
    for member in kind:
        if value == member.value:
            return member
    allowed = [str(member.value) for member in kind]
    near = difflib.get_close_matches(str(value), allowed, 1, 0.5)
    hint = f"; is {near[0]!r} meant?" if near else ""
    raise ArgumentError(component, name, f"is {value!r}; allowed are {', '.join(allowed)}{hint}")
