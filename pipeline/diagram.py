"""The pipeline as a picture: which of the stack's parts takes what from which, read from the stack's graph."""

from pulumi_aws_eda.testing import Recording

LEFT_OUT = frozenset({"Observability", "AlarmTopic", "LayerVersion"})
"""They have to do with every part and would hide what the others have to do with each other."""
_SHAPES = {"IdempotentLambda": "([{}])", "Table": "[({})]", "PayloadStore": "[({})]", "ConsumerCache": "[({})]"}


def mermaid(recording: Recording) -> str:
    """A flowchart in Mermaid: the stack's own parts, and an arrow to each from those whose outputs it uses."""
    parents, kinds = {}, {}
    for request, response in recording.registrations:
        parents[response.urn] = request.parent
        kinds[response.urn] = (request.type.rpartition(":")[2], request.name)

    def top(urn: str) -> str | None:
        """The top-level resource that a resource belongs to; its parent is the stack."""
        while parents.get(parents.get(urn, ""), "") != "":
            urn = parents[urn]
        return urn if kinds.get(parents.get(urn, ""), ("", ""))[0] == "Stack" else None

    edges, nodes = set(), dict[str, tuple[str, str]]()
    for request, response in recording.registrations:
        target = top(response.urn)
        if target is None or kinds[target][0] in LEFT_OUT:
            continue
        nodes[target] = kinds[target]
        for dependencies in request.propertyDependencies.values():
            for urn in dependencies.urns:
                source = top(urn)
                if source is not None and source != target and kinds[source][0] not in LEFT_OUT:
                    edges.add((source, target))
    lines = ["flowchart LR"]
    for kind, name in sorted(nodes.values(), key=lambda node: node[1]):
        shape = _SHAPES.get(kind, "[{}]")
        lines.append(f"  {name}" + shape.format(f'"{name}<br/>{kind}"'))
    arrows = sorted((nodes[source][1], nodes[target][1]) for source, target in edges if source in nodes)
    return "\n".join([*lines, *(f"  {source} --> {target}" for source, target in arrows)]) + "\n"
