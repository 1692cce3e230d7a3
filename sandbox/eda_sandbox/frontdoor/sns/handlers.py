"""The emulator's operations with SNS's checks before them, and what topics hand over to their subscribers."""

import asyncio
import functools
import json
import threading
from typing import Any
from urllib.parse import parse_qs

from ministack.services import sns as emulated

from eda_sandbox.frontdoor.sns import filters, messages, refusing, subscriptions, topics
from eda_sandbox.frontdoor.sns.refusing import Params

_emulated_entries = emulated._parse_batch_entries


def install() -> None:
    """Serve in the emulator's place; again does nothing."""
    # A parameter that is empty is there.
    emulated.parse_qs = functools.partial(parse_qs, keep_blank_values=True)
    emulated._error = refusing.error
    emulated._get_topic = topics.topic
    emulated._create_topic = topics.create
    emulated._tag_resource = topics.tag
    emulated._subscribe = subscriptions.subscribe
    emulated._unsubscribe = subscriptions.unsubscribe
    emulated._confirm_subscription = subscriptions.confirm
    emulated._get_subscription_attributes = subscriptions.get_attributes
    emulated._set_subscription_attributes = subscriptions.set_attributes
    emulated._list_subscriptions_by_topic = subscriptions.list_by_topic
    emulated._parse_batch_entries = _entries
    emulated._publish = messages.publish
    emulated._publish_batch = messages.publish_batch
    emulated._fanout = _fan_out
    for name in _OF_A_TOPIC:
        setattr(emulated, name, refusing.refusing(_emulators[name]))


_OF_A_TOPIC = ("_get_topic_attributes", "_set_topic_attributes")
_emulators = {name: getattr(emulated, name) for name in _OF_A_TOPIC}


def _entries(params: Params) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _emulated_entries(params)
    for number, entry in enumerate(found, 1):
        for place, value in enumerate(entry["message_attributes"].values(), 1):
            where = f"PublishBatchRequestEntries.member.{number}.MessageAttributes.entry.{place}.Value.BinaryValue"
            content = emulated._p(params, where)
            if content:
                value["BinaryValue"] = content
    return found


def _fan_out(
    topic_arn: str,
    message_id: str,
    message: str,
    subject: str,
    structure: str = "",
    attributes: dict[str, Any] | None = None,
    message_group_id: str = "",
    message_dedup_id: str = "",
) -> None:
    """Hand a message to all subscribers who want it."""
    topic = emulated._topic_by_arn_any_scope(topic_arn)
    given = attributes or {}
    for one in list(topic["subscriptions"]) if topic else ():
        text = messages.for_protocol(message, structure, one["protocol"])
        if not one.get("confirmed") or not filters.matches(one, given, text):
            continue
        raw = one["attributes"].get("RawMessageDelivery") == "true"
        endpoint = one["endpoint"]
        told = json.dumps(messages.envelope(topic, one["arn"], message_id, text, subject, given))
        if one["protocol"] == "sqs":
            emulated._deliver_to_sqs(
                endpoint,
                told,
                raw,
                text,
                message_group_id=message_group_id,
                message_dedup_id=message_dedup_id,
                message_attributes=given,
                topic_arn=topic_arn,
            )
        elif one["protocol"] == "lambda":
            emulated._deliver_to_lambda(endpoint, told, topic_arn, one["arn"], message_id, text, given)
        elif one["protocol"] in ("http", "https"):
            sent = emulated._deliver_to_http(endpoint, text if raw else told)
            threading.Thread(target=asyncio.run, args=(sent,), daemon=True).start()
