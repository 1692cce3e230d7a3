"""The console's own API: what it reads of any program, what it does, and whom it lets in."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from eda_sandbox import Fault, FaultKind
from eda_sandbox.console import Additions, Answer, Console, Count, Counted, console, reading
from eda_sandbox.console.nodes import Metrics, Node
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.errors import SandboxError

from tests.conftest import ROOT, Deploy
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def outputs(deploy_here: Deploy) -> dict[str, Any]:
    """A queue, a function and a table: the example of a queue."""
    return deploy_here(ROOT / "examples" / "queue" / "__main__.py", "test").outputs


@pytest.fixture(scope="module")
def opened(aws: Sandbox, outputs: dict[str, Any]) -> Iterator[Console]:
    """Its console, with additions of its own."""
    additions = Additions(
        title="Things",
        item="thing",
        item_pattern="thing-[0-9]+",
        count=lambda: Counted((Count("things", 3),), True, "all there"),
    )
    with console(aws, additions) as found:
        yield found


FUNCTION = "function:queue-test-charge"


def pay(aws: Sandbox, outputs: dict[str, Any], account: str, cents: int = 100) -> None:
    """Send a payment."""
    body = json.dumps({"payment_id": account, "account": account, "cents": cents})
    aws.client("sqs").send_message(QueueUrl=outputs["queue_url"], MessageBody=body)


def asked(
    opened: Console, path: str, method: str = "GET", body: Any = None, token: bool = True, **headers: str
) -> tuple[int, dict[str, str], str]:
    """Ask the console as a browser would."""
    url = urlsplit(opened.url)
    connection = http.client.HTTPConnection("127.0.0.1", url.port, timeout=60)
    sent = {"Host": url.netloc, "Origin": f"http://{url.netloc}", "Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        sent["Cookie"] = f"console-{url.port}={parse_qs(url.query)['token'][0]}"
    connection.request(method, path, None if body is None else json.dumps(body), sent)
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read().decode()
    connection.close()
    return found


def act(opened: Console, action: str, **values: Any) -> tuple[int, str]:
    """Act as the page does."""
    status, _, text = asked(opened, f"/api/act/{action}", "POST", values)
    return status, text


def test_the_graph_is_what_the_resources_say_themselves(opened: Console, outputs: dict[str, Any]) -> None:
    graph = opened.reading.graph()
    queue = outputs["queue_url"].rpartition("/")[2]
    function, table = FUNCTION, f"table:{outputs['charges_table_name']}"
    dead = f"queue:{outputs['dead_letter_queue_arn'].rpartition(':')[2]}"
    edges = {(edge["source"], edge["target"]): edge for edge in graph["edges"]}
    assert edges[f"queue:{queue}", function]["main"]
    assert edges[function, table]["main"]
    assert edges[f"queue:{queue}", dead]["dead_letters"]
    assert not edges[f"queue:{queue}", dead]["main"]
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert nodes[dead]["dead_letters"]
    assert graph["title"] == "Things"


def test_what_moves_is_seen_on_the_edges_with_its_ids(aws: Sandbox, opened: Console, outputs: dict[str, Any]) -> None:
    opened.reading.frame()
    pay(aws, outputs, "thing-4711")
    moved: dict[tuple[str, str], dict[str, Any]] = {}
    function, table = FUNCTION, f"table:{outputs['charges_table_name']}"

    def seen() -> bool:
        moved.update({(one["source"], one["target"]): one for one in opened.reading.frame()["moved"]})
        return (function, table) in moved and (f"queue:{outputs['queue_url'].rpartition('/')[2]}", function) in moved

    wait_until(seen, "the message went through the function to the table")
    assert moved[function, table]["ids"] == ("thing-4711",)
    assert moved[function, table]["errors"] == 0
    assert opened.reading.frame()["rates"][f"{function}>{table}"][0] > 0
    row = opened.reading.item(table, "thing-4711")
    assert row["facts"] == {"account": "thing-4711", "cents": 100}
    wait_until(lambda: opened.reading.logs(function)[0], "its lines, which are written beside it, are shown")


def test_a_queue_is_looked_at_without_being_received_from(
    aws: Sandbox, opened: Console, outputs: dict[str, Any]
) -> None:
    pay(aws, outputs, "thing-2", cents=-1)
    dead = f"queue:{outputs['dead_letter_queue_arn'].rpartition(':')[2]}"
    found = wait_until(lambda: opened.reading.node(dead)["items"]["rows"], "the message is a dead letter")
    receipts = found[0][2]
    for _ in range(5):
        assert opened.reading.node(dead)["items"]["rows"][0][2] == receipts
    assert opened.reading.item(dead, found[0][0])["facts"]["Body"]["cents"] == -1
    assert opened.reading.snapshot()["metrics"][dead]["waiting"] == 1
    # It is bad for good: it comes back, and back.
    assert opened.acting.redrive(dead).said.startswith("1 ")
    wait_until(lambda: opened.reading.node(dead)["items"]["rows"], "the message is a dead letter again")
    aws.client("sqs").purge_queue(QueueUrl=aws.cloud.queue_url(outputs["dead_letter_queue_arn"]))


def test_the_newest_lines_of_a_busy_function_are_shown(aws: Sandbox, opened: Console) -> None:
    logs, group, now = aws.client("logs"), f"/aws/lambda/{FUNCTION.partition(':')[2]}", int(time.time() * 1000)
    logs.create_log_stream(logGroupName=group, logStreamName="busy")
    for minute in (5, 4, 3):
        begin = now - minute * 60_000
        lines = [{"timestamp": begin + number, "message": f"{minute} minutes ago"} for number in range(5_000)]
        logs.put_log_events(logGroupName=group, logStreamName="busy", logEvents=lines)
    newest = [{"timestamp": int(time.time() * 1000), "message": "the newest"}]
    logs.put_log_events(logGroupName=group, logStreamName="busy", logEvents=newest)
    found, after = opened.reading.logs(FUNCTION)
    assert "the newest" in {line["text"] for line in found}
    assert [line["at"] for line in found] == sorted(line["at"] for line in found)
    assert "the newest" not in {line["text"] for line in opened.reading.logs(FUNCTION, after)[0]}


def test_faults_are_put_on_the_calls_of_one_resource(aws: Sandbox, opened: Console, outputs: dict[str, Any]) -> None:
    table, function = f"table:{outputs['charges_table_name']}", FUNCTION
    assert act(opened, "inject", kind="throttle", id=table, times=1)[0] == 200
    pay(aws, outputs, "thing-1")
    wait_until(lambda: ("dynamodb", "UpdateItem", FaultKind.THROTTLE) in aws.faults.injected, "the call is throttled")
    key = {"account": {"S": "thing-1"}}
    dynamodb, name = aws.client("dynamodb"), outputs["charges_table_name"]
    wait_until(lambda: "Item" in dynamodb.get_item(TableName=name, Key=key), "it is written")
    assert act(opened, "inject", kind="kill", id=table, times=1)[0] == 409
    assert act(opened, "inject", kind="kill", id=function, times=0)[0] == 409
    assert act(opened, "inject", kind="kill", id="function:none", times=1)[0] == 400
    assert act(opened, "inject", id=function)[0] == 400
    assert act(opened, "nothing")[0] == 400
    aws.faults.add(Fault(FaultKind.THROTTLE, "sqs"))
    assert act(opened, "stop-faults")[0] == 200
    aws.client("sqs").get_queue_attributes(QueueUrl=outputs["queue_url"])


def test_a_function_says_how_often_it_ran_and_failed(aws: Sandbox, opened: Console) -> None:
    before = opened.reading.snapshot()["metrics"][FUNCTION]["failed"]
    assert act(opened, "inject", kind="kill", id=FUNCTION, times=1)[0] == 200
    answer = aws.client("lambda").invoke(FunctionName=FUNCTION.partition(":")[2], Payload=b'{"Records": []}')
    assert "FunctionError" in answer
    found = opened.reading.snapshot()["metrics"][FUNCTION]
    assert found["failed"] == before + 1
    assert found["shown"][1] == f"{found['failed']} failed"


def test_a_queue_whose_messages_came_from_none_is_not_redriven(opened: Console, outputs: dict[str, Any]) -> None:
    with pytest.raises(SandboxError, match="came from no queue"):
        opened.acting.redrive(f"queue:{outputs['queue_url'].rpartition('/')[2]}")


def test_what_happens_is_streamed_while_somebody_listens(opened: Console) -> None:
    told: dict[str, Any] = {}
    ready = threading.Event()

    def listen(what: str, value: Any) -> None:
        told[what] = value
        if {"graph", "frame", "accounting"} <= set(told):
            ready.set()

    with opened.watching.told(listen):
        assert ready.wait(60), sorted(told)
    assert told["accounting"]["said"] == "all there"
    wait_until(lambda: not [one for one in threading.enumerate() if one.name == "console"], "nobody looks any more")


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, False),
        ({"Host": "console.example"}, True),
        ({"Sec_Fetch_Site": "cross-site"}, True),
        ({"Cookie": "console=wrong"}, False),
    ],
    ids=["no token", "a host's name that leads here", "another site", "a wrong cookie"],
)
def test_who_has_no_token_or_comes_from_elsewhere_reads_nothing(
    opened: Console, headers: dict[str, str], token: bool
) -> None:
    for path in ("/", "/api/graph", "/api/stream", "/static/main.js"):
        assert asked(opened, path, token=token, **headers)[0] == 403


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Content_Type": "text/plain"}],
    ids=["another page", "a page of no origin", "a form"],
)
def test_no_other_page_can_act(opened: Console, headers: dict[str, str]) -> None:
    assert asked(opened, "/api/act/stop-faults", "POST", {}, **headers)[0] == 403


def test_the_page_may_load_nothing_from_elsewhere(opened: Console) -> None:
    url = urlsplit(opened.url)
    status, headers, text = asked(opened, f"/?{url.query}", token=False)
    assert status == 200
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=strict" in headers["set-cookie"]
    assert parse_qs(url.query)["token"][0] not in text
    assert asked(opened, "/static/../reading.py")[0] == 404
    status, headers, _ = asked(opened, "/api/node?id=table:none")
    assert status == 404
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]


def test_an_accounting_that_fails_says_so(aws: Sandbox) -> None:
    def fall() -> Counted:
        raise RuntimeError("the table is gone")

    told: list[dict[str, Any]] = []
    with (
        console(aws, Additions(count=fall)) as opened,
        opened.watching.told(lambda what, value: told.append(value) if what == "accounting" else None),
    ):
        wait_until(lambda: told, "the accounting is told")
    assert (told[0]["balanced"], told[0]["said"]) == (None, "Not counted: the table is gone")


def test_what_takes_long_to_measure_is_left_alone_for_a_while(
    aws: Sandbox, opened: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[float] = []

    def slow(_node: Node) -> Metrics:
        measured.append(time.monotonic())
        wait_until(lambda: time.monotonic() - measured[-1] > 0.2, "it has taken its time")
        return Metrics()

    monkeypatch.setattr(opened.reading._kinds["function"], "metrics", slow)
    # So long that no machine is too slow for it.
    monkeypatch.setattr(reading, "REST", 10_000)
    opened.reading.snapshot()
    for _ in range(5):
        opened.reading.frame()
    functions = len(aws.client("lambda").list_functions()["Functions"])
    assert len(measured) == functions


def test_a_console_that_is_closed_at_once_leaves_no_thread(aws: Sandbox) -> None:
    before = set(threading.enumerate())
    with console(aws):
        pass
    left = {one.name for one in set(threading.enumerate()) - before}
    assert not {name for name in left if name.startswith("console")}


def test_a_program_of_its_own_buttons_is_asked_by_name(aws: Sandbox) -> None:
    from eda_sandbox.console import Button

    pressed: list[str] = []

    def press() -> Answer:
        pressed.append("pressed")
        return Answer("done", "thing-1")

    def fall() -> Answer:
        raise RuntimeError("it fell")

    buttons = (Button("go", "Go", "Goes.", press), Button("fall", "Fall", "Falls.", fall))
    with console(aws, Additions(buttons=buttons)) as opened:
        assert act(opened, "press", name="go") == (200, '{"said":"done","id":"thing-1"}')
        assert act(opened, "press", name="stay")[0] == 400
        assert act(opened, "press", name="fall") == (500, "RuntimeError: it fell")
        assert asked(opened, "/api/act/press", "POST", "no object")[0] == 400
    assert pressed == ["pressed"]
    assert aws.front_door.observer is None
