"""What the console costs while nobody looks, and how soon its page is there, with 10,000 calls behind it.

What a first look needs is made in the seconds before somebody can have looked; the first page is asked for after it.

    python -m bench.console
"""

import http.client
import json
import threading
import time
from urllib.parse import parse_qs, urlsplit

from eda_sandbox.console import Console, console
from eda_sandbox.embedded import embedded_aws
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.frontdoor.door import Call

CALLS = 10_000
SCOPE = "Credential=ASIAEXAMPLE/20260101/eu-central-1/dynamodb/aws4_request"


def call() -> Call:
    """A call as a function makes it."""
    headers = [("authorization", f"AWS4-HMAC-SHA256 {SCOPE}"), ("x-amz-target", "DynamoDB_20120810.PutItem")]
    body = json.dumps({"TableName": "orders", "Item": {"id": {"S": "a" * 64}, "payload": {"S": "x" * 2_000}}}).encode()
    request = HttpRequest("POST", "/", "/", [], headers, body)
    return Call(time.time(), 0.01, "dynamodb", "PutItem", request, HttpResponse(200))


def asked(opened: Console, paths: list[str]) -> float:
    """Seconds until a browser has all of them, one after the other."""
    url = urlsplit(opened.url)
    connection = http.client.HTTPConnection("127.0.0.1", url.port)
    cookie = f"console-{url.port}={parse_qs(url.query)['token'][0]}"
    begin = time.perf_counter()
    for path in paths:
        connection.request("GET", path, headers={"Cookie": cookie})
        answer = connection.getresponse()
        assert answer.status == 200, path
        answer.read()
    return time.perf_counter() - begin


def main() -> None:
    """Print both as one JSON object."""
    with embedded_aws() as aws:
        tables = aws.client("dynamodb")
        for number in range(30):
            tables.create_table(
                TableName=f"table-{number}",
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        opening = time.perf_counter()
        with console(aws) as opened:
            started = time.perf_counter() - opening
            made = call()
            begin = time.perf_counter()
            for _ in range(CALLS):
                opened.reading.flows.note(made)
            noted = (time.perf_counter() - begin) / CALLS
            page = [
                "/",
                "/static/style.css",
                "/static/main.js",
                "/static/vendor/dagre.js",
                "/api/controls",
                "/api/graph",
            ]
            for thread in threading.enumerate():
                if thread.name == "console-warming":
                    thread.join()
            warmed = time.perf_counter() - opening
            first = asked(opened, [*page, "/api/snapshot"])
            for _ in range(CALLS):
                opened.reading.flows.note(made)
            later = asked(opened, [*page, "/api/snapshot"])
    print(
        json.dumps(
            {
                "start_seconds": round(started, 3),
                "warm_seconds": round(warmed, 3),
                "microseconds_a_call": round(1e6 * noted, 1),
                "first_page_seconds": round(first, 3),
                "later_page_seconds": round(later, 3),
                "calls_behind_it": CALLS,
            }
        )
    )


if __name__ == "__main__":
    main()
