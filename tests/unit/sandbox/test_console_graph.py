"""What the console makes of resources' names, of their connections, and of the calls between them."""

import json
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from eda_sandbox.console.flows import KEPT, RATE_SECONDS, Flows, Moved
from eda_sandbox.console.nodes import Edge, Graph, Node, named
from eda_sandbox.console.survey import owners, periodic, short_names
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.frontdoor.door import Call
from hypothesis import given
from hypothesis import strategies as st

PIPE = Node("pipe", "shop-outbox", "arn:aws:pipes:eu-central-1:000000000000:pipe/shop-outbox")
QUEUE = Node("queue", "shop-source", "arn:aws:sqs:eu-central-1:000000000000:shop-source")
DEAD = Node("queue", "shop-source-dlq", "arn:aws:sqs:eu-central-1:000000000000:shop-source-dlq")
TABLE = Node("table", "shop", "arn:aws:dynamodb:eu-central-1:000000000000:table/shop")
GRAPH = Graph(
    {node.id: node for node in (PIPE, QUEUE, DEAD, TABLE)},
    (
        Edge(TABLE.id, PIPE.id, ("stream",), main=True),
        Edge(PIPE.id, QUEUE.id, ("target",), main=True),
        Edge(QUEUE.id, DEAD.id, ("dead letters",), main=False, dead_letters=True),
        Edge(PIPE.id, DEAD.id, ("dead letters",), main=False, dead_letters=True),
    ),
)
names = st.lists(st.from_regex(r"[a-z]{1,6}(-[a-z]{1,6}){0,3}", fullmatch=True), min_size=1, max_size=12, unique=True)


@given(names)
def test_short_names_end_as_the_names_do_and_are_never_empty(given_names: list[str]) -> None:
    nodes = [Node("function", f"acme-prod-{name}", "") for name in given_names]
    for id, short in short_names(nodes, {}).items():
        assert short
        assert id.endswith(short)


def test_short_names_are_without_the_stack_and_the_digits_that_pulumi_adds() -> None:
    nodes = [Node("function", f"acme-prod-{name}", "") for name in ("read", "write", "notify")]
    nodes.append(Node("table", "orders-fdcd7a9", ""))
    nodes.append(Node("bucket", "acme-prod-6c1-e1a46bf", ""))
    found = short_names(nodes, {"acme-prod-6c1-e1a46bf": "raw"})
    assert list(found.values()) == ["read", "write", "notify", "orders", "raw"]


def test_a_name_that_another_one_begins_with_is_not_meant() -> None:
    assert named(DEAD, DEAD.arn)
    assert named(QUEUE, json.dumps({"target": QUEUE.arn}))
    assert not named(QUEUE, json.dumps({"target": DEAD.arn}))
    assert not named(QUEUE, '"shop-source-dlq"')


def test_dead_letter_queues_and_schedules_belong_to_somebody() -> None:
    clock = Node("schedule", "nightly", "")
    repair = Node("function", "repair", "")
    graph = Graph(
        {**GRAPH.nodes, clock.id: clock, repair.id: repair},
        (*GRAPH.edges, Edge(clock.id, repair.id, ("target",), main=True)),
    )
    assert owners(graph) == {DEAD.id: PIPE.id, clock.id: repair.id}
    assert periodic(graph) == {repair.id}


def call(operation: str, body: dict[str, Any], status: int = 200, ago: float = 0.0) -> Call:
    """A call that the pipe makes in its own name, some seconds ago."""
    headers = [("authorization", "AWS4-HMAC-SHA256 Credential=ASIAPIPE/20260101/eu-central-1/sqs/aws4_request")]
    request = HttpRequest("POST", "/", "/", [], headers, json.dumps(body).encode())
    return Call(time.time() - ago, 0.0, "sqs", operation, request, HttpResponse(status))


def flows() -> Flows:
    """Flows of a cloud in which the pipe has a key."""
    known = {"ASIAPIPE": ("pipes.amazonaws.com", PIPE.arn)}
    return Flows(cast(Cloud, SimpleNamespace(principal_of=known.get, account="000000000000")), "thing-[0-9]+")


def test_what_a_pipe_sends_goes_along_its_source_too() -> None:
    watched = flows()
    url = "http://127.0.0.1/000000000000/shop-source"
    watched.note(call("SendMessageBatch", {"QueueUrl": url, "Entries": [{"MessageBody": "thing-7"}]}))
    watched.note(call("SendMessageBatch", {"QueueUrl": url, "Entries": []}, 500))
    assert sorted(watched.look(GRAPH), key=lambda one: one.source) == [
        Moved(PIPE.id, QUEUE.id, 2, 1, ("thing-7",)),
        Moved(TABLE.id, PIPE.id, 2, 1, ("thing-7",)),
    ]
    assert watched.look(GRAPH) == []
    assert watched.totals[f"{PIPE.id}>{QUEUE.id}"] == 2


def test_the_root_s_own_calls_and_polls_are_not_shown() -> None:
    watched = flows()
    watched.changed = False
    root = call("SendMessage", {"QueueUrl": "http://127.0.0.1/000000000000/shop-source"})
    headers = [("authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/sqs/aws4_request")]
    request = HttpRequest("POST", "/", "/", [], headers, root.request.body)
    watched.note(Call(0.0, 0.0, "sqs", "SendMessage", request, HttpResponse(200)))
    watched.note(call("ReceiveMessage", {"QueueUrl": "http://127.0.0.1/000000000000/shop-source"}))
    assert watched.look(GRAPH) == []
    assert not watched.changed
    watched.note(Call(0.0, 0.0, "dynamodb", "PutItem", request, HttpResponse(200)))
    assert not watched.changed


@pytest.mark.parametrize("operation", ["CreateQueue", "PutRolePolicy", "PutTargets", "Subscribe", "SetQueueAttributes"])
def test_what_connects_resources_has_the_graph_made_anew(operation: str) -> None:
    watched = flows()
    watched.changed = False
    headers = [("authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/sqs/aws4_request")]
    watched.note(Call(0.0, 0.0, "sqs", operation, HttpRequest("POST", "/", "/", [], headers, b""), HttpResponse(200)))
    assert watched.changed


def test_calls_that_nobody_looked_at_are_counted_and_are_no_rate() -> None:
    watched = flows()
    url = "http://127.0.0.1/000000000000/shop-source"
    for ago in (RATE_SECONDS + 60, RATE_SECONDS + 60, 0):
        watched.note(call("SendMessage", {"QueueUrl": url}, ago=ago))
    edge = f"{PIPE.id}>{QUEUE.id}"
    assert {one.count for one in watched.look(GRAPH)} == {1}
    assert watched.totals[edge] == 3
    assert watched.rates()[edge] == (1 / RATE_SECONDS, 0)


def test_no_more_is_kept_than_the_newest_calls() -> None:
    watched = flows()
    made = call("SendMessage", {"QueueUrl": "http://127.0.0.1/000000000000/shop-source"})
    for _ in range(KEPT + 10):
        watched.note(made)
    assert {one.count for one in watched.look(GRAPH)} == {KEPT}
