"""Streams that are resharded in the emulator's place: it drops the shards that are split or merged, with their records.

A parent stays, closed, until its records are older than the retention; who has read it to its end is told of its
children (Developer Guide, "Strategies for resharding" and "After resharding").
"""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ministack.services import kinesis as emulated

from eda_sandbox.foundation.cloud import ACCOUNT
from eda_sandbox.foundation.errors import AwsError

Stream = dict[str, Any]
Shard = dict[str, Any]
OK = 200
TOKEN_SECONDS = 300
"""How long a token of ListShards is valid (API reference)."""
PAGE = 1000
"""Shards of a page of ListShards (API reference, MaxResults)."""
ON_DEMAND_SHARDS = 4
"""With which an on-demand stream begins (Developer Guide, data stream capacity modes)."""
_emulators = {
    name: getattr(emulated, name)
    for name in ("_create_stream", "_describe_stream_summary", "_get_records", "_next_sequence_number", "_shard_out")
}


def install() -> None:
    """Reshard in the emulator's place; again does nothing."""
    emulated._next_sequence_number = _next_number
    emulated._route_to_shard = _route
    emulated._expire_records = expire
    emulated._shard_out = _described
    emulated._create_stream = _create_stream
    emulated._describe_stream_summary = _describe_stream_summary
    emulated._get_records = _get_records
    emulated._list_shards = _list_shards
    emulated._split_shard = _split_shard
    emulated._merge_shards = _merge_shards
    emulated._update_shard_count = _update_shard_count


def _next_number() -> str:
    """A sequence number with AWS's 56 digits, none of which is a zero in front."""
    return f"49{_emulators['_next_sequence_number']()}{'0' * 24}"


def is_open(shard: Shard) -> bool:
    """Whether records are put into a shard."""
    return shard.get("ending_sequence_number") is None


def open_shards(stream: Stream) -> list[tuple[str, Shard]]:
    """The open shards by id, in the order of their hash keys."""
    found = [(id, shard) for id, shard in stream["shards"].items() if is_open(shard)]
    return sorted(found, key=lambda one: int(one[1]["starting_hash_key"]))


def split(stream: Stream, id: str, at: int) -> None:
    """Close a shard, and go on in two.

    Args:
        stream: the emulator's.
        id: of an open shard.
        at: the first hash key of the second child.
    """
    parent = stream["shards"][id]
    _close(parent)
    _add(stream, int(parent["starting_hash_key"]), at - 1, id)
    _add(stream, at, int(parent["ending_hash_key"]), id)


def merge(stream: Stream, id: str, adjacent: str) -> None:
    """Close two shards, and go on in one.

    Args:
        stream: the emulator's.
        id: of an open shard.
        adjacent: of the open shard before or behind it.
    """
    parents = [stream["shards"][id], stream["shards"][adjacent]]
    for parent in parents:
        _close(parent)
    first = min(int(parent["starting_hash_key"]) for parent in parents)
    last = max(int(parent["ending_hash_key"]) for parent in parents)
    _add(stream, first, last, id, adjacent)


def expire(stream: Stream) -> None:
    """Drop what is older than the stream's retention: records, and shards that were closed before."""
    cutoff = time.time() - stream["RetentionPeriodHours"] * 3600
    for id, shard in list(stream["shards"].items()):
        shard["records"] = [one for one in shard["records"] if one["ApproximateArrivalTimestamp"] >= cutoff]
        if not is_open(shard) and shard["closed_at"] < cutoff:
            del stream["shards"][id]


def _close(shard: Shard) -> None:
    shard["ending_sequence_number"] = emulated._next_sequence_number()
    shard["closed_at"] = time.time()


def _add(stream: Stream, first: int, last: int, parent: str, adjacent: str | None = None) -> None:
    # Ids go on where the highest one was, whatever has expired since.
    number = max(stream.get("last_shard", 0), emulated._max_shard_index(stream)) + 1
    stream["last_shard"] = number
    stream["shards"][f"shardId-{number:012d}"] = {
        "records": [],
        "starting_hash_key": str(first),
        "ending_hash_key": str(last),
        "starting_sequence_number": emulated._next_sequence_number(),
        "parent_shard_id": parent,
        "adjacent_parent_shard_id": adjacent,
        "created_at": time.time(),
    }


def _route(hash_key: int, stream: Stream) -> str:
    for id, shard in open_shards(stream):
        if int(shard["starting_hash_key"]) <= hash_key <= int(shard["ending_hash_key"]):
            return id
    raise AssertionError("the open shards have all hash keys")


def _described(id: str, shard: Shard) -> dict[str, Any]:
    found: dict[str, Any] = _emulators["_shard_out"](id, shard)
    if not is_open(shard):
        found["SequenceNumberRange"]["EndingSequenceNumber"] = shard["ending_sequence_number"]
    return found


def _create_stream(given: dict[str, Any]) -> Any:
    if (given.get("StreamModeDetails") or {}).get("StreamMode") == "ON_DEMAND":
        given = {"ShardCount": ON_DEMAND_SHARDS, **given}
    elif not given.get("ShardCount") and not given.get("StreamModeDetails"):
        given = {**given, "ShardCount": ON_DEMAND_SHARDS, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}}
    return _emulators["_create_stream"](given)


def _describe_stream_summary(given: Mapping[str, Any]) -> Any:
    status, headers, body = _emulators["_describe_stream_summary"](given)
    if status == OK:
        answer = json.loads(body)
        _, stream = emulated._resolve_stream(given)
        answer["StreamDescriptionSummary"]["OpenShardCount"] = len(open_shards(stream))
        body = json.dumps(answer).encode()
    return status, headers, body


def _get_records(given: Mapping[str, Any]) -> Any:
    # Quotes around it are forgiven.
    given = {**given, "ShardIterator": given["ShardIterator"].strip('"')}
    status, headers, body = _emulators["_get_records"](given)
    if status != OK:
        return status, headers, body
    answer = json.loads(body)
    following = emulated._shard_iterators[answer["NextShardIterator"]]
    shards = emulated._streams[following["stream"]]["shards"]
    shard = shards[following["shard_id"]]
    if is_open(shard) or following["position"] < len(shard["records"]):
        return status, headers, body
    del emulated._shard_iterators[answer.pop("NextShardIterator")]
    answer["ChildShards"] = [
        {
            "ShardId": id,
            "ParentShards": _parents(child),
            "HashKeyRange": {
                "StartingHashKey": child["starting_hash_key"],
                "EndingHashKey": child["ending_hash_key"],
            },
        }
        for id, child in shards.items()
        if following["shard_id"] in _parents(child)
    ]
    return status, headers, json.dumps(answer).encode()


def _parents(shard: Shard) -> list[str]:
    return [shard[name] for name in ("parent_shard_id", "adjacent_parent_shard_id") if shard.get(name)]


def _list_shards(given: Mapping[str, Any]) -> Any:
    after, name = given.get("ExclusiveStartShardId"), None
    if given.get("NextToken"):
        try:
            name, after, made = json.loads(base64.urlsafe_b64decode(given["NextToken"]))
        except (ValueError, TypeError):
            return _refused("InvalidArgumentException", "NextToken is invalid.")
        if time.time() - made > TOKEN_SECONDS:
            return _refused("ExpiredNextTokenException", "NextToken has expired.")
    name, stream = emulated._resolve_stream({"StreamName": name} if name else given)
    if not stream:
        return _refused("ResourceNotFoundException", f"Stream {name} under account {ACCOUNT} not found.")
    expire(stream)
    found = _filtered(stream, given.get("ShardFilter") or {})
    found = sorted(id for id in found if id > (after or ""))
    size = given.get("MaxResults", PAGE)
    answer: dict[str, Any] = {"Shards": [_described(id, stream["shards"][id]) for id in found[:size]]}
    if len(found) > size:
        token = json.dumps([stream["StreamName"], found[size - 1], time.time()])
        answer["NextToken"] = base64.urlsafe_b64encode(token.encode()).decode()
    return emulated.json_response(answer)


def _filtered(stream: Stream, wanted: Mapping[str, Any]) -> Sequence[str]:
    """The ids of the shards that a filter means (API reference, ShardFilter)."""
    shards: dict[str, Shard] = stream["shards"]

    def lived(id: str, since: float, until: float) -> bool:
        created = float(shards[id].get("created_at") or stream["CreationTimestamp"])
        return bool(created <= until and (is_open(shards[id]) or shards[id]["closed_at"] > since))

    match wanted.get("Type"):
        case "AT_LATEST":
            return [id for id in shards if is_open(shards[id])]
        case "AFTER_SHARD_ID":
            return [id for id in shards if id > wanted["ShardId"]]
        case "AT_TRIM_HORIZON":
            return [id for id in shards if not any(parent in shards for parent in _parents(shards[id]))]
        case "AT_TIMESTAMP":
            return [id for id in shards if lived(id, wanted["Timestamp"], wanted["Timestamp"])]
        case "FROM_TIMESTAMP":
            return [id for id in shards if lived(id, wanted["Timestamp"], time.time())]
        case _:
            return list(shards)


def _split_shard(given: Mapping[str, Any]) -> Any:
    try:
        stream = _stream(given)
        id, at = given["ShardToSplit"], int(given["NewStartingHashKey"])
        shard = _eligible(stream, id)
        first, last = int(shard["starting_hash_key"]), int(shard["ending_hash_key"])
        if not first < at < last:
            raise AwsError(
                "InvalidArgumentException",
                f"NewStartingHashKey {at} used in SplitShard() on shard {id} in stream {stream['StreamName']} under "
                f"account {ACCOUNT} is not both greater than one plus the shard's StartingHashKey {first} and less "
                f"than the shard's EndingHashKey {last}.",
            )
        split(stream, id, at)
    except AwsError as error:
        return _refused(error.code, error.message)
    return emulated.json_response({})


def _merge_shards(given: Mapping[str, Any]) -> Any:
    try:
        stream = _stream(given)
        ids = given["ShardToMerge"], given["AdjacentShardToMerge"]
        one, other = (_eligible(stream, id) for id in ids)
        if int(one["ending_hash_key"]) + 1 != int(other["starting_hash_key"]) and int(
            other["ending_hash_key"]
        ) + 1 != int(one["starting_hash_key"]):
            raise AwsError(
                "InvalidArgumentException",
                f"Shards {ids[0]} and {ids[1]} in stream {stream['StreamName']} under account {ACCOUNT} are not an "
                "adjacent pair of shards eligible for merging.",
            )
        merge(stream, *ids)
    except AwsError as error:
        return _refused(error.code, error.message)
    return emulated.json_response({})


def _update_shard_count(given: Mapping[str, Any]) -> Any:
    try:
        stream = _stream(given)
        current, target = len(open_shards(stream)), int(given["TargetShardCount"])
        if target > 2 * current or 2 * target < current:
            raise AwsError(
                "LimitExceededException",
                f"UpdateShardCount can neither more than double nor more than halve the {current} open shards of "
                f"stream {stream['StreamName']} under account {ACCOUNT}; {target} were asked for.",
            )
        _scale(stream, target)
    except AwsError as error:
        return _refused(error.code, error.message)
    names = {"StreamName": stream["StreamName"], "StreamARN": stream["StreamARN"]}
    return emulated.json_response({**names, "CurrentShardCount": current, "TargetShardCount": target})


def _scale(stream: Stream, target: int) -> None:
    """Split where the new shards begin, then merge what lies in one of them; some shards live for a moment."""
    begins = [first for first, _ in ((int(one), two) for one, two in emulated._compute_hash_ranges(target))]
    for begin in begins[1:]:
        id = _route(begin, stream)
        if int(stream["shards"][id]["starting_hash_key"]) != begin:
            split(stream, id, begin)
    for begin, end in zip(begins, [*begins[1:], emulated.MAX_HASH_KEY + 1], strict=True):
        while True:
            inside = [id for id, shard in open_shards(stream) if begin <= int(shard["starting_hash_key"]) < end]
            if len(inside) == 1:
                break
            merge(stream, inside[0], inside[1])


def _stream(given: Mapping[str, Any]) -> Stream:
    name, stream = emulated._resolve_stream(given)
    if not stream:
        raise AwsError("ResourceNotFoundException", f"Stream {name} under account {ACCOUNT} not found.")
    if stream.get("StreamModeDetails", {}).get("StreamMode") == "ON_DEMAND":
        raise AwsError(
            "ValidationException",
            f"Request is invalid. Stream {stream['StreamName']} under account {ACCOUNT} is in On-Demand mode.",
        )
    expire(stream)
    found: Stream = stream
    return found


def _eligible(stream: Stream, id: str) -> Shard:
    shard: Shard | None = stream["shards"].get(id)
    where = f"in stream {stream['StreamName']} under account {ACCOUNT}"
    if shard is None:
        raise AwsError("ResourceNotFoundException", f"Could not find shard {id} {where}.")
    if not is_open(shard):
        raise AwsError(
            "InvalidArgumentException",
            f"Shard {id} {where} has already been merged or split, and thus is not eligible for merging or splitting.",
        )
    return shard


def _refused(code: str, message: str) -> Any:
    return emulated.error_response_json(code, message, 400)
