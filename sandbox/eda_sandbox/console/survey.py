"""Finds the resources of all deployed programs and how they are connected.

Two things tell of a connection: a resource's configuration that names another one, and what its role may do with which
others. No program has to say anything.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Protocol

from eda_sandbox.console.nodes import Edge, Graph, Kind, Mention, Node, named
from eda_sandbox.foundation.cloud import Cloud

CONSUMED = frozenset({"sqs:ReceiveMessage", "dynamodb:GetRecords", "kinesis:GetRecords"})
"""Actions by which a resource takes what another one holds: items go the other way."""
SENT = (
    *("lambda:Invoke*", "states:Start*", "states:SendTask*", "sqs:SendMessage", "sns:Publish", "events:PutEvents"),
    *("dynamodb:Put*", "dynamodb:Update*", "dynamodb:Delete*", "dynamodb:BatchWrite*", "firehose:PutRecord*"),
    *("kinesis:PutRecord*", "s3:PutObject", "athena:StartQueryExecution", "glue:StartJobRun"),
    *("redshift-data:*Execute*", "quicksight:CreateIngestion"),
)
"""Actions by which items go on."""
STACK_SHARE, SUBJECT_SHARE = 0.8, 0.6
"""What so many names begin with says nothing: the stack's name, and then what most of its parts are of."""
LOOKED_UP = ("*:Get*", "*:List*", "*:Describe*", "*:Query", "*:Scan", "*:BatchGet*", "*:Head*", "*:ConditionCheck*")


def survey(cloud: Cloud, kinds: Iterable[Kind]) -> Graph:
    """Ask each service what there is.

    Args:
        cloud: the embedded AWS.
        kinds: what is looked for.
    """
    kinds = list(kinds)
    nodes = {node.id: node for kind in kinds for node in kind.nodes()}
    of_kind = {kind.kind: kind for kind in kinds}
    service = {id: of_kind[node.kind].service for id, node in nodes.items()}
    roles = _Roles(cloud)
    edges: dict[tuple[str, str], Edge] = {}
    worked_with: dict[str, list[str]] = {}

    def connect(source: Node, target: Node, what: str, *, main: bool, dead_letters: bool = False) -> None:
        if source.id == target.id:
            return
        before = edges.get((source.id, target.id), Edge(source.id, target.id, (), main=False))
        whats = before.what if not what or what in before.what else (*before.what, what)
        failed = dead_letters or before.dead_letters
        edges[source.id, target.id] = replace(before, what=whats, main=main or before.main, dead_letters=failed)

    for node in nodes.values():
        for mention in of_kind[node.kind].mentions(node):
            if ":role/" in mention.text:
                worked_with.setdefault(node.id, []).append(mention.text.rpartition("/")[2])
                _by_role(node, mention.text, mention.what, roles, nodes.values(), connect)
            for other in _meant(mention, nodes, service):
                source, target = (other, node) if mention.incoming else (node, other)
                connect(source, target, mention.what, main=not mention.dead_letters, dead_letters=mention.dead_letters)
        if node.role is not None:
            worked_with.setdefault(node.id, []).append(node.role.rpartition("/")[2])
            _by_role(node, node.role, "", roles, nodes.values(), connect)
    dead = {edge.target for edge in edges.values() if edge.dead_letters} | {
        id for id, node in nodes.items() if node.kind == "queue" and ("dlq" in node.name or "dead-letter" in node.name)
    }
    told = [replace(edge, main=False, dead_letters=True) if edge.target in dead else edge for edge in edges.values()]
    return Graph(nodes, told, worked_with)


def owners(graph: Graph) -> dict[str, str]:
    """What belongs to one other resource and needs no place of its own in a drawing: dead-letter queues, schedules, and
    rules that only lead to dead letters. By id, with the id of the other."""
    before: dict[str, list[Edge]] = {}
    after: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        after.setdefault(edge.source, []).append(edge)
        before.setdefault(edge.target, []).append(edge)
    found: dict[str, str] = {}
    for id, node in graph.nodes.items():
        incoming, outgoing = before.get(id, []), after.get(id, [])
        if any(edge.dead_letters for edge in incoming):
            takers = [edge.source for edge in incoming if not edge.source.startswith(("rule:", "schedule:", "queue:"))]
            if takers:
                found[id] = min(takers, key=lambda taker: _likeness(graph.nodes[taker].name, node.name))
        elif node.kind == "schedule":
            targets = [edge.target for edge in outgoing if edge.main]
            if len(targets) == 1:
                found[id] = targets[0]
        elif node.kind == "rule" and len(incoming) == 1 and not any(edge.main for edge in outgoing):
            found[id] = incoming[0].source
    return {id: owner for id, owner in found.items() if owner not in found}


def _likeness(name: str, other: str) -> tuple[int, int]:
    """Less for names that begin alike for longer, and of those for the shorter one."""
    alike = next((place for place, pair in enumerate(zip(name, other, strict=False)) if pair[0] != pair[1]), 10_000)
    return -alike, len(name)


def periodic(graph: Graph) -> set[str]:
    """The functions that a schedule starts: they repair and refresh, beside the way that items go."""
    return {
        edge.target
        for edge in graph.edges
        if edge.source.startswith("schedule:") and edge.target.startswith("function:")
    }


def short_names(nodes: Iterable[Node], labels: Mapping[str, str]) -> dict[str, str]:
    """Names without what most of them begin with, and without the digits that Pulumi adds, by id.

    Args:
        nodes: what is named.
        labels: better names, by the physical one.
    """
    found = list(nodes)
    names = {node.id: _without_digits(node.title or node.name) for node in found}
    names = _without_start(names, STACK_SHARE)
    names |= {node.id: labels[node.name] for node in found if node.name in labels}
    return _without_start(names, SUBJECT_SHARE)


def _without_start(names: Mapping[str, str], share: float) -> dict[str, str]:
    common = _common_start(list(names.values()), share)
    return {id: name.removeprefix(common) or name for id, name in names.items()}


def _common_start(names: Sequence[str], share: float) -> str:
    """The longest run of whole words that a share of the names begins with."""
    starts = Counter(
        "-".join(words[:count]) + "-" for words in (name.split("-") for name in names) for count in range(1, len(words))
    )
    return max(
        (start for start, count in starts.items() if count >= share * len(names) > 2 * share), key=len, default=""
    )


def _without_digits(name: str) -> str:
    head, _, tail = name.rpartition("-")
    return head if len(tail) == 7 and head and all(letter in "0123456789abcdef" for letter in tail) else name


def _meant(mention: Mention, nodes: dict[str, Node], service: dict[str, str]) -> Iterator[Node]:
    if not mention.text:
        return
    candidates = [node for id, node in nodes.items() if mention.service in ("", service[id])]
    found = [node for node in candidates if named(node, mention.text)]
    # An event pattern may tell its source by a prefix: of one candidate there is no doubt.
    yield from found or (candidates if mention.service and len(candidates) == 1 else [])


def _by_role(node: Node, role: str, what: str, roles: "_Roles", nodes: Iterable[Node], connect: "_Connect") -> None:
    for actions, patterns in roles.allowed(role):
        for other in nodes:
            if not any(_covers(pattern, other) for pattern in patterns):
                continue
            if any(action in CONSUMED for action in actions):
                connect(other, node, "takes", main=True)
            elif node.kind == "warehouse":
                connect(other, node, "copy", main=True)
            elif any(fnmatchcase(action, pattern) for action in actions for pattern in SENT):
                connect(node, other, what, main=True)
            elif any(fnmatchcase(action, pattern) for action in actions for pattern in LOOKED_UP):
                connect(node, other, "reads", main=False)


def _covers(pattern: str, node: Node) -> bool:
    if not node.arn or pattern == "*":
        return False
    return fnmatchcase(node.arn, pattern) or pattern.startswith((node.arn + "/", node.arn + ":"))


class _Connect(Protocol):
    def __call__(self, source: Node, target: Node, what: str, *, main: bool, dead_letters: bool = False) -> None: ...


class _Roles:
    """What roles may do.

    Args:
        cloud: the embedded AWS.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._iam = cloud.client("iam")
        self._known: dict[str, list[tuple[list[str], list[str]]]] = {}

    def allowed(self, arn: str) -> list[tuple[list[str], list[str]]]:
        """Actions and resources of each statement that allows something."""
        name = arn.rpartition("/")[2]
        if name not in self._known:
            try:
                self._known[name] = [
                    (_listed(statement.get("Action")), _listed(statement.get("Resource")))
                    for document in self._documents(name)
                    for statement in _listed(document.get("Statement"))
                    if statement["Effect"] == "Allow"
                ]
            except self._iam.exceptions.NoSuchEntityException:
                self._known[name] = []
        return self._known[name]

    def _documents(self, name: str) -> Iterator[dict[str, Any]]:
        for policy in self._iam.list_role_policies(RoleName=name)["PolicyNames"]:
            yield _document(self._iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"])
        for policy in self._iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            version = self._iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
            found = self._iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)
            yield _document(found["PolicyVersion"]["Document"])


def _document(found: str | dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(found) if isinstance(found, str) else found
    return read


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [] if found is None else [found]
