"""Messages that are published: what SNS takes, and what it makes of them for a subscriber."""

import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ministack.services import sns as emulated

from eda_sandbox.frontdoor.emulated_answers import Answer
from eda_sandbox.frontdoor.sns.refusing import Params, Refused, check_arn, invalid, refusing

MAX_ENTRIES = 10
"""Of a batch (API reference, PublishBatch)."""
LONGEST_SUBJECT, LONGEST_ID, LONGEST_NAME = 100, 80, 256
_ID = re.compile(r"[A-Za-z0-9_-]+")
_TYPE = re.compile(r"(String|Number|Binary)(\..+)?")
_CERTIFICATE = secrets.token_hex(16)
_emulators = {"publish": emulated._publish, "batch": emulated._publish_batch}


@refusing
def publish(params: Params) -> Answer:
    """Publish."""
    topic_arn, target_arn = (str(emulated._p(params, name)) for name in ("TopicArn", "TargetArn"))
    if "endpoint/" in target_arn and target_arn not in emulated._platform_endpoints:
        raise invalid("TargetArn", "No endpoint found for the target arn specified")
    if not topic_arn and not target_arn and not emulated._p(params, "PhoneNumber"):
        if "TopicArn" in params:
            check_arn(topic_arn, "TopicArn")
        raise invalid("TopicArn or TargetArn", "no value for required parameter")
    if topic_arn or target_arn:
        found, refused = emulated._get_topic(topic_arn or target_arn)
        if refused is not None:
            answer: Answer = refused
            return answer
        entry = {
            "message": emulated._p(params, "Message"),
            "subject": emulated._p(params, "Subject") if "Subject" in params else None,
            "message_structure": emulated._p(params, "MessageStructure"),
            "message_attributes": emulated._parse_message_attributes(params),
            "message_group_id": emulated._p(params, "MessageGroupId"),
            "message_dedup_id": emulated._p(params, "MessageDeduplicationId"),
        }
        _check(found, entry, "messageAttributes")
        if _size(entry) > emulated._SNS_MAX_PAYLOAD_BYTES:
            raise invalid("Message too long")
    published: Answer = _emulators["publish"](params)
    return published


@refusing
def publish_batch(params: Params) -> Answer:
    """PublishBatch."""
    found, refused = emulated._get_topic(str(emulated._p(params, "TopicArn")))
    if refused is not None:
        answer: Answer = refused
        return answer
    batch = emulated._parse_batch_entries(params)
    if len(batch) > MAX_ENTRIES:
        raise Refused("The batch request contains more entries than permissible.", "TooManyEntriesInBatchRequest")
    ids = [str(entry.get("id", "")) for entry in batch]
    if len(set(ids)) < len(ids):
        raise Refused("Two or more batch entries in the request have the same Id.", "BatchEntryIdsNotDistinct")
    for id in ids:
        problem = "is too long" if len(id) > LONGEST_ID else "contains an impermissible character"
        if len(id) > LONGEST_ID or not _ID.fullmatch(id):
            raise Refused(f"The Id of a batch entry in the batch request {problem}: {id}", "InvalidBatchEntryId")
    for number, entry in enumerate(batch, 1):
        entry = {**entry, "subject": entry.get("subject") or None}
        _check(found, entry, f"publishBatchRequestEntries.{number}.member.messageAttributes")
    if sum(map(_size, batch)) > emulated._SNS_MAX_PAYLOAD_BYTES:
        raise Refused("The length of all the messages put together is more than the limit.", "BatchRequestTooLong")
    published: Answer = _emulators["batch"](params)
    return published


def _size(entry: Mapping[str, Any]) -> int:
    return int(emulated._message_payload_size(entry.get("message", ""), entry.get("message_attributes") or {}))


def _check(topic: Mapping[str, Any], entry: Mapping[str, Any], where: str) -> None:
    message, subject = entry.get("message") or "", entry.get("subject")
    if not message:
        raise invalid("Empty message")
    if subject is not None and not (0 < len(subject) <= LONGEST_SUBJECT and subject.isprintable()):
        raise invalid("Subject")
    if entry.get("message_structure") == "json":
        _check_structure(message)
    for name, value in (entry.get("message_attributes") or {}).items():
        _check_attribute(name, value, where)
    if emulated._is_fifo_topic(topic):
        if not entry.get("message_group_id"):
            raise invalid("The MessageGroupId parameter is required for FIFO topics")
        if not entry.get("message_dedup_id") and topic["attributes"].get("ContentBasedDeduplication") != "true":
            raise invalid(
                "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
                "explicitly"
            )
    elif entry.get("message_dedup_id"):
        raise invalid(
            "MessageDeduplicationId",
            "The request includes MessageDeduplicationId parameter that is not valid for this topic type",
        )


def _check_structure(message: str) -> None:
    try:
        found = json.loads(message)
    except ValueError:
        raise invalid("Message Structure - JSON message body failed to parse") from None
    if not isinstance(found, dict) or not isinstance(found.get("default"), str):
        raise invalid("Message Structure - No default entry in JSON message body")


def _check_attribute(name: str, value: Mapping[str, Any], where: str) -> None:
    def refuse(message: str) -> Refused:
        return Refused(message, "ParameterValueInvalid")

    if len(name.encode()) > LONGEST_NAME:
        raise refuse(f"Length of message attribute name must be less than {LONGEST_NAME} bytes.")
    for character in name:
        if not (character.isascii() and character.isalnum()) and character not in "_-.":
            raise refuse(
                f"Invalid non-alphanumeric character '#x{ord(character):X}' was found in the message attribute name. "
                "Can only include alphanumeric characters, hyphens, underscores, or dots."
            )
    for found, place in ((name[:1], "starting"), (name[-1:], "ending")):
        if found == ".":
            raise refuse(f"Invalid message attribute name {place} with character '.' was found.")
    if ".." in name:
        raise refuse("Message attribute name can not have successive '.' character.")
    kind = str(value.get("DataType") or "")
    if not kind:
        raise Refused(
            f"1 validation error detected: Value null at '{where}.{name}.member.dataType' failed to satisfy "
            "constraint: Member must not be null",
            "ValidationError",
        )
    if not _TYPE.fullmatch(kind):
        raise refuse(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes "
            "is Binary, Number, and String."
        )
    field, other = ("Binary", "String") if kind.startswith("Binary") else ("String", "Binary")
    if value.get(f"{other}Value") and not value.get(f"{field}Value"):
        raise refuse(f"The message attribute '{name}' with type '{kind}' must use field '{field}'.")
    if not value.get(f"{field}Value"):
        raise refuse(
            f"The message attribute '{name}' must contain non-empty message attribute value for message attribute type "
            f"'{kind}'."
        )


def for_protocol(message: str, structure: str, protocol: str) -> str:
    """What a subscriber of a protocol is sent of a message.

    Args:
        message: as it was published.
        structure: ``json`` where it has texts for several protocols.
        protocol: the subscription's.
    """
    if structure != "json":
        return message
    found = json.loads(message)
    text = found.get(protocol)
    return str(text if isinstance(text, str) else found["default"])


def envelope(
    topic: Mapping[str, Any],
    subscription_arn: str,
    message_id: str,
    message: str,
    subject: str,
    attributes: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """A notification, as queues get it that do not ask for the message alone."""
    region, fifo = topic["arn"].split(":")[3], emulated._is_fifo_topic(topic)
    host = f"https://sns.{region}.amazonaws.com"
    found = {
        "Type": "Notification",
        "MessageId": message_id,
        # Messages of FIFO topics are not signed.
        "SequenceNumber": str(topic["fifo_seq"]).zfill(20) if fifo else None,
        "TopicArn": topic["arn"],
        "Subject": subject or None,
        "Message": message,
        "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "SignatureVersion": None if fifo else topic["attributes"].get("SignatureVersion", "1"),
        "Signature": None if fifo else "FAKE",
        "SigningCertURL": None if fifo else f"{host}/SimpleNotificationService-{_CERTIFICATE}.pem",
        "UnsubscribeURL": f"{host}/?Action=Unsubscribe&SubscriptionArn={subscription_arn}",
        "MessageAttributes": {
            name: {
                "Type": value.get("DataType", "String"),
                "Value": value.get("BinaryValue") or value.get("StringValue", ""),
            }
            for name, value in attributes.items()
        }
        or None,
    }
    return {name: value for name, value in found.items() if value is not None}
