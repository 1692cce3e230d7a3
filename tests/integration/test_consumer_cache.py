"""ConsumerCache deployed by a program of a user's: the source counts who asks it."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.http import LoopbackServer
from eda_sandbox.provider.deploy import Stack

from tests.conftest import Deploy
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("hurried")

PROGRAM = """
import pulumi
from pulumi_aws_eda import ConsumerCache, IdempotentLambda, archives
config = pulumi.Config()
url = config.require("url")
caches = {
    "hot": ConsumerCache("hot", {"hot": {"time_to_live_in_seconds": 3600}}),
    "replica": ConsumerCache("replica", {"scheduled": {
        "source_url": url + "/suppliers", "key": "id", "schedule_expression": "rate(1 day)"}}),
}
for name, cache in caches.items():
    reader = IdempotentLambda(name + "-reader", {
        "code": archives.directory_archive("code"), "handler": f"handler.{name}", "timeout": 20, "memory_size": 256,
        "environment": {"CACHE": cache.settings, "SOURCE_URL": url}, "grants": cache.reader_grants})
    pulumi.export(name, reader.function_name)
pulumi.export("schedule", caches["replica"].schedule_name)
pulumi.export("sync", caches["replica"].sync_function_name)
pulumi.export("dlq", caches["replica"].dead_letter_queue_url)
"""
HANDLER = """
import json, os, boto3, urllib3
from eda_runtime import consumer_cache
def load(key):
    return urllib3.request("GET", f"{os.environ['SOURCE_URL']}/price/{key}").json()
hot_load = load if json.loads(os.environ["CACHE"])["strategy"] == "HOT" else None
cache = consumer_cache.from_settings(os.environ["CACHE"], boto3.client("dynamodb"), hot_load)
def hot(event, context):
    return cache.get(event["key"])
def replica(event, context):
    return cache.get_many(event["keys"])
"""


class Source:
    """Answers prices slowly and suppliers at once; counts both."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.suppliers: list[dict[str, Any]] = [{"id": f"s-{number}", "country": "DE"} for number in range(40)]
        self.status = 200
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                source.seen.append(path)
                if path.startswith("/price/"):
                    threading.Event().wait(0.5)
                    body: Any = {"key": path.rpartition("/")[2], "price": source.seen.count(path)}
                else:
                    body = source.suppliers
                content = json.dumps(body).encode()
                self.send_response(source.status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self.server = LoopbackServer(Handler)
        self.url = self.server.url


@pytest.fixture(scope="module")
def source() -> Iterator[Source]:
    made = Source()
    with made.server.running():
        yield made


@pytest.fixture(scope="module")
def users(deploy_here: Deploy, source: Source, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("caches")
    (folder / "code").mkdir()
    (folder / "code" / "handler.py").write_text(HANDLER)
    (folder / "Pulumi.yaml").write_text("name: caches\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return deploy_here(folder / "__main__.py", "test", config={"url": source.url})


def invoke(aws: Sandbox, users: Stack, name: str, event: dict[str, Any]) -> Any:
    answer = aws.client("lambda").invoke(FunctionName=users.outputs[name], Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


def test_fifty_invocations_at_once_ask_the_source_once(aws: Sandbox, users: Stack, source: Source) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: invoke(aws, users, "hot", {"key": "p-1"}), range(50)))
    assert answers == [{"key": "p-1", "price": 1}] * 50
    assert source.seen.count("/price/p-1") == 1


def test_the_first_sync_comes_at_once_and_readers_never_ask_the_source(
    aws: Sandbox, users: Stack, source: Source
) -> None:
    keys = {"keys": ["s-1", "s-2", "unknown"]}
    wait_until(lambda: "errorType" not in invoke(aws, users, "replica", keys), "the replica is synced")
    asked = source.seen.count("/suppliers")
    found = invoke(aws, users, "replica", keys)
    assert found == {"s-1": {"id": "s-1", "country": "DE"}, "s-2": {"id": "s-2", "country": "DE"}}
    assert source.seen.count("/suppliers") == asked == 1


def test_a_later_slot_brings_the_new_version_and_a_failed_one_keeps_it(
    aws: Sandbox, users: Stack, source: Source
) -> None:
    keys = {"keys": ["s-1"]}
    wait_until(lambda: "errorType" not in invoke(aws, users, "replica", keys), "the replica is synced")
    scheduler: Any = aws.cloud.service("scheduler")
    source.suppliers = [{**row, "country": "FR"} for row in source.suppliers]
    scheduler.advance_to_next(users.outputs["schedule"])
    wait_until(
        lambda: invoke(aws, users, "replica", keys).get("s-1", {}).get("country") == "FR", "the new version is read"
    )
    source.status = 500
    scheduler.advance_to_next(users.outputs["schedule"])
    sqs = aws.client("sqs")
    message = wait_until(
        lambda: sqs.receive_message(QueueUrl=users.outputs["dlq"]).get("Messages"), "the sync lies in the queue", 60
    )[0]
    assert json.loads(message["Body"])["responsePayload"]["errorType"] == "SourceFailed"
    assert invoke(aws, users, "replica", keys)["s-1"]["country"] == "FR"
    source.status = 200
