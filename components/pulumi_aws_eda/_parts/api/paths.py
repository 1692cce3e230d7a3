"""The paths of an API: which ones API Gateway takes, what they are called, and how one leads to another."""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping

_LITERAL = re.compile(r"[A-Za-z0-9._:-]+")
_PARAMETER = re.compile(r"\{([A-Za-z0-9._:-]+)\}")
_GREEDY = re.compile(r"\{([A-Za-z0-9._:-]+)\+\}")
_PLAIN = re.compile(r"[A-Z]+ (/|(/[a-z0-9]+)+)")
_TARGET = re.compile(r"(/([A-Za-z0-9._~:-]|\{[^{}/]+\})+)+")


def problem(path: str) -> str | None:
    """What API Gateway does not take in a path; None: it takes it.

    A part is a word of letters, digits and ``._:-``, or one of them in braces; the last may be greedy (``{rest+}``).
    API Gateway's own words are "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and
    curly braces at the beginning and the end".

    Args:
        path: beginning with a slash.
    """
    if path == "/":
        return None
    *parts, last = path.removeprefix("/").split("/")
    for part in [*parts, last]:
        if not (_LITERAL.fullmatch(part) or _PARAMETER.fullmatch(part) or (part is last and _GREEDY.fullmatch(part))):
            return (
                f"has the part {part!r}; allowed are letters, digits and ._:- or a parameter of them in braces, "
                "as the last part with a plus sign too"
            )
    colon = next((part for part in (*parts, last) if part.startswith(":")), None)
    if colon is not None:
        return f"has the part {colon!r}, which would be no parameter; write {{{colon[1:] or 'name'}}}"
    names = parameters(path)
    twice = next((name for name in names if names.count(name) > 1), None)
    return None if twice is None else f"has the parameter {twice!r} twice"


def siblings(paths: Iterable[str]) -> tuple[str, str] | None:
    """Two parameters of different names in one place, which API Gateway does not take ("A sibling of this resource
    already has a variable path part"); None: there are none."""
    found: dict[str, str] = {}
    for path in paths:
        parent = ""
        for part in path.split("/")[1:]:
            if part.startswith("{") and found.setdefault(parent, part) != part:
                return f"{parent}/{found[parent]}", f"{parent}/{part}"
            parent = f"{parent}/{part}"
    return None


def parameters(path: str) -> list[str]:
    """The names of a path's parameters."""
    return [found[1] for part in path.split("/") if (found := _PARAMETER.fullmatch(part) or _GREEDY.fullmatch(part))]


def is_greedy(path: str) -> bool:
    """Whether a path's last parameter takes all that follows."""
    return path.endswith("+}")


def slugs(routes: Collection[str]) -> Mapping[str, str]:
    """The name of each route in the names of resources: one that no other route has.

    Args:
        routes: methods and paths.
    """
    return _apart(routes, {route: _words(route) for route in routes if _PLAIN.fullmatch(route)})


def operation_ids(routes: Collection[str]) -> Mapping[str, str]:
    """The ``operationId`` of each route, from which clients make the names of their methods: its words, where no other
    route of the document has the same."""
    words = [_words(route) for route in routes]
    plain = {route for route in routes if _PLAIN.fullmatch(route)}
    return _apart(
        routes, {r: word for r, word in zip(routes, words, strict=True) if words.count(word) == 1 or r in plain}
    )


def method_path(method: str, path: str) -> str:
    """A method as ``UpdateStage`` names it: each slash of the resource's path is ``~1`` (API Gateway's API reference,
    PatchOperation); the provider passes it on as it is."""
    return f"{path.replace('/', '~1')}/{method}"


def invocation(routes: Collection[tuple[str, str]]) -> str:
    """The part of an ``execute-api`` ARN behind the stage that matches requests of all of the routes, and as few others
    as one pattern can.

    Args:
        routes: methods and paths.
    """
    methods = {method for method, _ in routes}
    parts = [re.sub(r"\{[^}]*\}", "*", path).split("/")[1:] for _, path in routes]
    common = []
    for at in zip(*parts, strict=False):
        if len(set(at)) > 1:
            break
        common.append(at[0])
    path = "/".join(["", *common])
    if any(part != common for part in parts):
        path += "*" if common in parts else "/*"
    return f"{methods.pop() if len(methods) == 1 else '*'}{path}"


def location_problem(path: str, location: str) -> str | None:
    """Why no reference leads from a route to the resource that it makes; None: one does.

    Args:
        path: the route's.
        location: the resource's, with ``{id}``.
    """
    if not _TARGET.fullmatch(location) or "{id}" not in location:
        return f"is {location!r}; it must be a path with {{id}}, such as '/orders/{{id}}'"
    if is_greedy(path):
        return "cannot be told from a route whose path is greedy"
    if "{id}" not in reference(path, location):
        return "has its {id} where the route's path has a parameter of that name"
    unknown = [name for name in re.findall(r"\{([^{}]*)\}", reference(path, location)) if name != "id"]
    if not unknown:
        return None
    known = ", ".join(parameters(path)) or "none"
    fix = f"take one at the same place (known: {known}), or {{id}}"
    return f"has the parameter {unknown[0]!r}, which the route's path {path} does not have there; {fix}"


def reference(path: str, location: str) -> str:
    """The relative reference (RFC 3986, 4.2) from a resource to another one of the same API.

    It holds whatever stands before the path: a stage, a custom domain's base path, a proxy's prefix.

    Args:
        path: of the resource that was asked for.
        location: of the other one.
    """
    *above, _ = path.split("/")
    target = location.split("/")
    shared = 0
    while shared < min(len(above), len(target) - 1) and above[shared] == target[shared]:
        shared += 1
    parts = [".."] * (len(above) - shared) + target[shared:]
    # A colon in the first part would make it a scheme.
    return "/".join(["."] * (":" in parts[0]) + parts)


def _apart(routes: Collection[str], words: Mapping[str, str]) -> Mapping[str, str]:
    """A name for each route: its words for those that have them, and for each other its words and a digest, which is
    longer where the name is another's already."""
    found = dict(words)
    for route in sorted(set(routes) - set(words)):
        digest, digits = hashlib.sha256(route.encode()).hexdigest(), 6
        while f"{_words(route)}-{digest[:digits]}" in found.values():
            digits += 1
        found[route] = f"{_words(route)}-{digest[:digits]}"
    return found


def _words(route: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", route.lower()).strip("-")
