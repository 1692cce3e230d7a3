"""Subscriptions: their endpoints and attributes."""

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import sns as emulated

from eda_sandbox.frontdoor.emulated_answers import Answer
from eda_sandbox.frontdoor.sns import filters
from eda_sandbox.frontdoor.sns.refusing import Params, Refused, check_arn, entries, invalid, refusing

PROTOCOLS = ("application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs")
ATTRIBUTES = frozenset(
    {
        "DeliveryPolicy",
        "FilterPolicy",
        "FilterPolicyScope",
        "RawMessageDelivery",
        "RedrivePolicy",
        "SubscriptionRoleArn",
    }
)
SCOPES = ("MessageBody", "MessageAttributes")
LISTED = 100
"""Subscriptions of one answer (API reference, ListSubscriptionsByTopic)."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ENDPOINTS = {"sqs": "SQS", "lambda": "Lambda"}
_emulators = {
    "confirm": emulated._confirm_subscription,
    "get": emulated._get_subscription_attributes,
    "set": emulated._set_subscription_attributes,
    "subscribe": emulated._subscribe,
    "unsubscribe": emulated._unsubscribe,
}


@refusing
def subscribe(params: Params) -> Answer:
    """Subscribe."""
    protocol, endpoint = (str(emulated._p(params, name)) for name in ("Protocol", "Endpoint"))
    topic, refused = emulated._get_topic(str(emulated._p(params, "TopicArn")))
    if refused is not None:
        answer: Answer = refused
        return answer
    if protocol not in PROTOCOLS:
        raise invalid(f"Amazon SNS does not support this protocol string: {protocol}")
    if protocol in _ENDPOINTS and emulated._validate_subscription_endpoint(protocol, endpoint) is not None:
        raise invalid(f"{_ENDPOINTS[protocol]} endpoint ARN")
    fifo = bool(emulated._is_fifo_topic(topic))
    if protocol == "sqs" and endpoint.endswith(".fifo") and not fifo:
        raise invalid("Invalid parameter: Endpoint", "FIFO SQS Queues can not be subscribed to standard SNS topics")
    asked = entries(params, "Attributes")
    for name, value in asked.items():
        if name not in ATTRIBUTES:
            raise invalid("Attributes", f"{name}: Invalid attribute name")
        scope = asked.get("FilterPolicyScope", "")
        asked[name] = _checked(name, value, scope, fifo and endpoint.endswith(".fifo"), "Attributes Reason: ")
    there = _of(topic, protocol, endpoint)
    kept = {} if there is None else {"FilterPolicyScope": "MessageAttributes", **there["attributes"]}
    if there is not None and any(kept.get(name) != value for name, value in asked.items()):
        raise invalid("Attributes", "Subscription already exists with different attributes")
    subscribed: Answer = _emulators["subscribe"](params)
    made = _of(topic, protocol, endpoint)
    if there is None and made is not None:
        made["attributes"].update(asked)
        made["attributes"]["SubscriptionPrincipal"] = f"arn:aws:iam::{emulated.get_account_id()}:root"
    return subscribed


def _of(topic: Mapping[str, Any], protocol: str, endpoint: str) -> Any:
    return next(
        (one for one in topic["subscriptions"] if (one["protocol"], one["endpoint"]) == (protocol, endpoint)), None
    )


@refusing
def set_attributes(params: Params) -> Answer:
    """SetSubscriptionAttributes."""
    arn, name = (str(emulated._p(params, one)) for one in ("SubscriptionArn", "AttributeName"))
    value = str(emulated._p(params, "AttributeValue"))
    found = _subscription(arn)
    if found is not None:
        if name not in ATTRIBUTES:
            raise invalid("AttributeName")
        scope = found["attributes"].get("FilterPolicyScope", "")
        # A queue of that kind is a FIFO topic's alone.
        value = _checked(name, value, scope, found["endpoint"].endswith(".fifo"), "")
    answer: Answer = _emulators["set"]({**params, "AttributeValue": value})
    return answer


def _checked(name: str, value: str, scope: str, fifo: bool, where: str) -> str:
    """An attribute's value as SNS keeps it."""
    if name == "RawMessageDelivery":
        if value.lower() not in ("true", "false"):
            raise invalid(f"{where}RawMessageDelivery: Invalid value [{value}]. Must be true or false.")
        return value.lower()
    if name == "FilterPolicyScope" and value not in SCOPES:
        raise invalid(
            f"{where}FilterPolicyScope: Invalid value [{value}]. Please use either MessageBody or MessageAttributes"
        )
    if name == "FilterPolicy":
        filters.check(value, scope, where)
    if name == "RedrivePolicy" and value:
        _check_redrive(value, fifo, where)
    return value


def _check_redrive(text: str, fifo: bool, where: str) -> None:
    try:
        policy = json.loads(text)
    except ValueError as error:
        raise invalid(f"{where}RedrivePolicy: failed to parse JSON. {error}") from None
    arn = str(policy.get("deadLetterTargetArn", "")) if isinstance(policy, dict) else ""
    if not re.fullmatch(r"arn:[\w-]+:sqs:[\w-]+:\d{12}:[\w-]+(\.fifo)?", arn):
        raise invalid(f"{where}RedrivePolicy: deadLetterTargetArn is an invalid arn")
    if fifo and not arn.endswith(".fifo"):
        raise invalid(f"{where}RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.")


def _subscription(arn: str) -> Any:
    topic_arn = emulated._sub_arn_to_topic.get(arn)
    return emulated._find_subscription(topic_arn, arn) if topic_arn else None


@refusing
def get_attributes(params: Params) -> Answer:
    """GetSubscriptionAttributes: a scope is one of a policy."""
    found = _subscription(str(emulated._p(params, "SubscriptionArn")))
    if found is None:
        answer: Answer = _emulators["get"](params)
        return answer
    shown = {name: value for name, value in found["attributes"].items() if value != ""}
    if "FilterPolicy" in shown:
        shown.setdefault("FilterPolicyScope", "MessageAttributes")
    else:
        shown.pop("FilterPolicyScope", None)
    written = "".join(
        f"<entry><key>{name}</key><value>{escape(value)}</value></entry>" for name, value in shown.items()
    )
    told: Answer = emulated._xml(
        200,
        "GetSubscriptionAttributesResponse",
        f"<GetSubscriptionAttributesResult><Attributes>{written}</Attributes></GetSubscriptionAttributesResult>",
    )
    return told


@refusing
def confirm(params: Params) -> Answer:
    """ConfirmSubscription."""
    topic = emulated._topic_by_arn_any_scope(str(emulated._p(params, "TopicArn")))
    token = str(emulated._p(params, "Token"))
    if topic is None or not token:
        raise invalid("Token")
    answer: Answer = _emulators["confirm"](params)
    if answer[0] >= 400:
        raise invalid("Token")
    return answer


@refusing
def unsubscribe(params: Params) -> Answer:
    """Unsubscribe; one that is not there is none any more."""
    arn = str(emulated._p(params, "SubscriptionArn"))
    if not arn:
        raise invalid("SubscriptionArn", "no value for required parameter")
    check_arn(arn, "SubscriptionArn")
    if not _UUID.fullmatch(arn.rpartition(":")[2]):
        raise invalid("SubscriptionId")
    answer: Answer = _emulators["unsubscribe"](params)
    return answer


@refusing
def list_by_topic(params: Params) -> Answer:
    """ListSubscriptionsByTopic, a page at a time."""
    topic, refused = emulated._get_topic(str(emulated._p(params, "TopicArn")), "sns:ListSubscriptionsByTopic")
    if refused is not None:
        answer: Answer = refused
        return answer
    token = str(emulated._p(params, "NextToken")) or "0"
    if not token.isdigit():
        raise Refused("Invalid parameter: NextToken")
    begin = int(token)
    members = "".join(
        f"<member><SubscriptionArn>{one['arn'] if one.get('confirmed') else 'PendingConfirmation'}</SubscriptionArn>"
        f"<Owner>{one.get('owner', emulated.get_account_id())}</Owner><TopicArn>{topic['arn']}</TopicArn>"
        f"<Protocol>{one['protocol']}</Protocol><Endpoint>{escape(one['endpoint'])}</Endpoint></member>"
        for one in topic["subscriptions"][begin : begin + LISTED]
    )
    more = begin + LISTED < len(topic["subscriptions"])
    following = f"<NextToken>{begin + LISTED}</NextToken>" if more else ""
    told: Answer = emulated._xml(
        200,
        "ListSubscriptionsByTopicResponse",
        f"<ListSubscriptionsByTopicResult><Subscriptions>{members}</Subscriptions>{following}"
        "</ListSubscriptionsByTopicResult>",
    )
    return told
