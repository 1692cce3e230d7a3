"""What an update returns of the attributes that it changed."""

from collections.abc import Iterable, Mapping
from typing import Any

from eda_sandbox.frontdoor.dynamodb.values import Item, at


def changed(item: Mapping[str, Any], paths: Iterable[str | tuple[str | int, ...]]) -> Item:
    """The values at the paths of an update, in the maps and lists that they lie in, and nothing else of these.

    A list has the elements that are at the paths' indexes, without gaps; so an element that was put behind the end is
    not found, and of one that was removed the next one is (as Scylla's tests ``test_returnvalues``, which run on AWS
    too, have it).

    Args:
        item: as it was, or as it is.
        paths: that were changed.
    """
    tree: dict[str | int, Any] = {}
    for path in (one if isinstance(one, tuple) else (one,) for one in paths):
        value = at(item, path)
        if value is not None:
            node = tree
            for element in path[:-1]:
                node = node.setdefault(element, {})
            node[path[-1]] = _Found(value)
    return {str(name): _written(node) for name, node in tree.items()}


class _Found:
    def __init__(self, value: Any) -> None:
        self.value = value


def _written(node: Any) -> Any:
    if isinstance(node, _Found):
        return node.value
    if all(isinstance(element, int) for element in node):
        return {"L": [_written(node[index]) for index in sorted(node)]}
    return {"M": {name: _written(one) for name, one in node.items()}}
