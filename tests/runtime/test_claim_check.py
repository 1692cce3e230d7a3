"""The claim check: what is offloaded comes back as it was, whatever it is; nothing else is ever read."""

import base64
import hashlib
import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from eda_runtime.claim_check import (
    BUDGET,
    MAX_REFERENCES,
    ClaimCheck,
    ForeignReference,
    PayloadCorrupt,
    PayloadError,
    PayloadGone,
    from_settings,
    is_reference,
    transparent,
)
from eda_runtime.transaction import Transaction
from hypothesis import given
from hypothesis import strategies as st

LEAST = 1_000
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
LONG = st.integers(0, 900).flatmap(lambda size: st.sampled_from(["x" * size, "ä" * size, "💡" * size, '"\\' * size]))
JSON = st.recursive(SCALARS | LONG, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20)


class S3:
    """Objects in a bucket, as PutObject and GetObject show them."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.puts: list[str] = []
        self.gets: list[str] = []

    def put_object(self, Bucket: str, Key: str, Body: bytes, ChecksumSHA256: str, ContentType: str) -> None:
        assert base64.b64decode(ChecksumSHA256) == hashlib.sha256(Body).digest()
        assert ContentType == "application/json"
        self.puts.append(Key)
        self.objects[Bucket, Key] = Body

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        self.gets.append(Key)
        if (Bucket, Key) not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")
        body = self.objects[Bucket, Key]
        return {"ContentLength": len(body), "Body": io.BytesIO(body)}


def store(s3: S3, budget: int = LEAST, prefix: str = "payloads/") -> ClaimCheck:
    return ClaimCheck(lambda: s3, "bucket", prefix, budget)


def size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def padded(total: int, fill: str = "x") -> dict[str, str]:
    """A result of exactly so many bytes."""
    return {"result": fill * ((total - size({"result": ""})) // len(fill.encode()))}


@given(JSON)
def test_what_is_offloaded_fits_and_comes_back_as_it_was(value: Any) -> None:
    s3 = S3()
    offloaded = store(s3).offload(value)
    assert size(offloaded) <= LEAST
    assert bool(s3.puts) == (size(value) > LEAST)
    assert store(s3).resolve(json.loads(json.dumps(offloaded))) == value
    assert store(s3).offload(offloaded) == offloaded


@given(JSON)
def test_the_same_content_is_one_object(value: Any) -> None:
    s3 = S3()
    content = json.dumps(value).encode()
    assert store(s3).put(content) == store(s3).put(content)
    assert len(s3.objects) == 1
    assert store(s3).get(store(s3).put(content)) == content


@pytest.mark.parametrize("fill", ["x", "é", "€", "💡"])
@pytest.mark.parametrize("budget", [LEAST, BUDGET])
def test_the_budget_is_bytes_of_utf8(budget: int, fill: str) -> None:
    # Space is left for the whole characters that fit.
    inside = padded(budget, fill)
    s3 = S3()
    assert budget - size(inside) < len(fill.encode())
    assert store(s3, budget).offload(inside) is inside
    over = {"result": inside["result"] + fill}
    offloaded = store(s3, budget).offload(over)
    assert is_reference(offloaded["result"])
    assert offloaded["result"]["claim_check"]["bytes"] == size(over["result"])
    assert store(s3, budget).resolve(offloaded) == over


def test_the_longest_members_go_first_and_short_ones_stay_where_paths_find_them() -> None:
    s3 = S3()
    value = {"id": "o-1", "small": "s" * 100, "longest": "l" * 900, "long": "m" * 500}
    offloaded = store(s3).offload(value)
    assert (offloaded["id"], offloaded["small"], offloaded["long"]) == ("o-1", "s" * 100, "m" * 500)
    assert is_reference(offloaded["longest"])
    assert list(offloaded) == list(value)


def test_an_object_of_many_short_members_is_offloaded_as_a_whole() -> None:
    s3 = S3()
    value = {f"member-{number}": number for number in range(200)}
    offloaded = store(s3).offload(value)
    assert is_reference(offloaded)
    assert len(s3.puts) == 1
    assert store(s3).resolve(offloaded) == value


def test_half_a_surrogate_pair_comes_back() -> None:
    s3 = S3()
    value = {"result": "\ud83d" + "x" * LEAST}
    assert store(s3).resolve(store(s3).offload(value)) == value


@pytest.mark.parametrize("value", [{"result": object()}, {"result": float("nan")}, {"result": {1, 2}}])
def test_what_is_no_json_is_refused_by_name(value: Any) -> None:
    with pytest.raises(PayloadError, match="not JSON"):
        store(S3()).offload(value)


def test_references_are_found_at_every_level() -> None:
    s3 = S3()
    inner = store(s3).offload(["x" * LEAST])
    value: dict[str, Any] = {"payload": {"list": [1, inner, {"deep": inner}]}, "envelope": {"correlation_id": "c"}}
    resolved = store(s3).resolve(value)
    assert resolved["payload"]["list"] == [1, ["x" * LEAST], {"deep": ["x" * LEAST]}]
    assert value["payload"]["list"][1] == inner


def test_a_payload_whose_time_is_over_is_a_typed_error() -> None:
    s3 = S3()
    reference = store(s3).offload("x" * LEAST)
    s3.objects.clear()
    with pytest.raises(PayloadGone, match="put too long ago"):
        store(s3).resolve({"payload": reference})


@pytest.mark.parametrize("found", [b"", b"other", b"y" * (LEAST + 2), b'"' + b"y" * LEAST + b'"'])
def test_a_payload_that_is_not_what_was_put_is_never_handed_on(found: bytes) -> None:
    s3 = S3()
    reference = store(s3).offload("x" * LEAST)
    s3.objects = dict.fromkeys(s3.objects, found)
    with pytest.raises(PayloadCorrupt):
        store(s3).resolve(reference)


@pytest.mark.parametrize(
    "change",
    [
        {"bucket": "another"},
        {"key": "payloads/../secret"},
        {"key": "secret"},
        {"key": "0" * 64},
        {"sha256": "0" * 64},
    ],
)
def test_a_reference_that_was_made_up_reads_nothing(change: dict[str, str]) -> None:
    s3 = S3()
    reference = store(s3).offload("x" * LEAST)
    forged = {"claim_check": {**reference["claim_check"], **change}}
    with pytest.raises(ForeignReference):
        store(s3).resolve({"payload": {"note": forged}})
    assert s3.gets == []


@pytest.mark.parametrize(
    "value",
    [
        {"claim_check": None},
        {"claim_check": {"bucket": "bucket", "key": "k"}},
        {"claim_check": {"bucket": "b", "key": "k", "sha256": "no hash", "bytes": 1}},
        {"claim_check": {"bucket": "b", "key": "k", "sha256": "0" * 64, "bytes": "1"}},
        {"claim_check": {"bucket": "b", "key": "k", "sha256": "0" * 64, "bytes": 1}, "more": 1},
    ],
)
def test_what_only_resembles_a_reference_is_data(value: Any) -> None:
    assert store(S3()).resolve({"payload": value}) == {"payload": value}


def test_a_short_event_cannot_ask_for_any_number_of_reads() -> None:
    s3 = S3()
    reference = store(s3).offload("x" * LEAST)
    assert len(store(s3).resolve([reference] * MAX_REFERENCES)) == MAX_REFERENCES
    with pytest.raises(PayloadError, match="more than 100 references"):
        store(s3).resolve([reference] * (MAX_REFERENCES + 1))


def test_another_error_of_s3_is_not_taken_for_gone() -> None:
    class Denied(S3):
        def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "GetObject")

    s3 = Denied()
    with pytest.raises(ClientError, match="AccessDenied"):
        store(s3).resolve(store(s3).offload("x" * LEAST))


def test_a_handler_sees_payloads_and_answers_within_the_budget() -> None:
    s3 = S3()
    seen: list[Any] = []

    def handle(event: Any, context: Any) -> Any:
        seen.append(event)
        return {"result": event["payload"] * 2, "id": event["id"]}

    event = {"id": "o-1", "payload": store(s3).offload("x" * LEAST)}
    answer = transparent(handle, store(s3))(event, None)
    assert seen == [{"id": "o-1", "payload": "x" * LEAST}]
    assert answer["id"] == "o-1"
    assert store(s3).resolve(answer) == {"result": "x" * 2 * LEAST, "id": "o-1"}


@pytest.mark.parametrize("event", [{"requestContext": {}, "httpMethod": "GET"}, {"Records": []}])
def test_the_answer_of_a_route_or_of_a_batch_keeps_its_form(event: Any) -> None:
    s3 = S3()
    answer = {"statusCode": 200, "body": "x" * 2 * LEAST}
    assert transparent(lambda *_: answer, store(s3))(event, None) is answer
    assert s3.puts == []


def test_a_transactions_result_is_offloaded_and_its_writes_are_kept() -> None:
    s3 = S3()
    made = Transaction({"result": "x" * LEAST}, [{"Put": {"TableName": "t", "Item": {}}}])
    answer = transparent(lambda *_: made, store(s3))({}, None)
    assert answer.writes == made.writes
    assert store(s3).resolve(answer.result) == made.result


def test_the_references_in_a_messages_body_are_resolved() -> None:
    s3 = S3()
    body = {"id": "o-1", "result": "ä" * LEAST}
    record = {"messageId": "m", "eventSource": "aws:sqs", "body": json.dumps(store(s3).offload(body))}
    seen: list[Any] = []
    transparent(lambda event, _: seen.append(event), store(s3))(record, None)
    assert json.loads(seen[0]["body"]) == body
    for other in ('no JSON with "claim_check"', '{"claim_check": 1}'):
        transparent(lambda event, _: seen.append(event), store(s3))({**record, "body": other}, None)
        assert seen[-1]["body"] == other


def test_no_client_is_made_until_a_payload_needs_it() -> None:
    def never() -> Any:
        raise AssertionError("a client was made")

    quiet = ClaimCheck(never, "bucket")
    assert quiet.resolve(quiet.offload({"result": [1, 2]})) == {"result": [1, 2]}


def test_settings_have_defaults_and_bounds() -> None:
    assert from_settings('{"bucket": "b"}').offload("x" * (BUDGET - 2)) == "x" * (BUDGET - 2)
    with pytest.raises(ValueError, match="it must be 1000 at least"):
        from_settings('{"bucket": "b", "budget": 999}')
