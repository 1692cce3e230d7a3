"""Topics and subscriptions."""

import json
from typing import Any

from eda_sandbox.provider.convert import Inputs, pairs
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged, tags_of

_ATTRIBUTES = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "displayName": "DisplayName",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
}
_SUBSCRIPTION = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
}


def _create_topic(context: Context, inputs: Inputs) -> Created:
    given, tags, fifo = inputs.take("name"), inputs.tags(), inputs.take("fifoTopic", False)
    name = context.auto_name(given, inputs.take("namePrefix"))
    if fifo and given is None:
        name += ".fifo"
    attributes = {api: _text(value) for key, api in _ATTRIBUTES.items() if (value := inputs.take(key)) is not None}
    if fifo:
        attributes["FifoTopic"] = "true"
    inputs.done()
    made = context.client("sns").create_topic(Name=name, Attributes=attributes, Tags=pairs(tags))
    return Created(made["TopicArn"], {"name": name, "arn": made["TopicArn"]})


def _update_topic(context: Context, id: str, state: State, inputs: Inputs) -> State:
    for untouched in ("name", "namePrefix", "fifoTopic", "tags", "tagsAll"):
        inputs.take(untouched)
    sns = context.client("sns")
    for key, api in _ATTRIBUTES.items():
        value = inputs.take(key)
        if value != state.get(key):
            value = _default_policy(id) if key == "policy" and value is None else _text("" if value is None else value)
            sns.set_topic_attributes(TopicArn=id, AttributeName=api, AttributeValue=value)
    inputs.done()
    return {}


def _read_topic(context: Context, id: str, state: State) -> Found:
    sns = context.client("sns")
    attributes = sns.get_topic_attributes(TopicArn=id)["Attributes"]
    found: dict[str, Any] = {key: attributes.get(api) for key, api in _ATTRIBUTES.items()}
    for key, api in (("fifoTopic", "FifoTopic"), ("contentBasedDeduplication", "ContentBasedDeduplication")):
        found[key] = attributes.get(api) == "true"
    found["tags"] = tags_of(sns.list_tags_for_resource(ResourceArn=id).get("Tags"))
    return Found({**found, "name": id.rpartition(":")[2]}, {"arn": id})


def _default_policy(arn: str) -> str:
    """The policy of a topic that nobody gave one: its owner may do everything with it."""
    actions = ("GetTopicAttributes", "SetTopicAttributes", "DeleteTopic", "Subscribe", "Publish")
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in actions],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": arn.split(":")[4]}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


def _delete_topic(context: Context, id: str, state: State) -> None:
    context.client("sns").delete_topic(TopicArn=id)


def _create_topic_policy(context: Context, inputs: Inputs) -> Created:
    arn, policy = inputs.need("arn"), inputs.need("policy")
    inputs.done()
    context.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    return Created(arn)


def _update_topic_policy(context: Context, id: str, state: State, inputs: Inputs) -> State:
    _create_topic_policy(context, inputs)
    return {}


def _delete_topic_policy(context: Context, id: str, state: State) -> None:
    context.client("sns").set_topic_attributes(TopicArn=id, AttributeName="Policy", AttributeValue=_default_policy(id))


def _read_topic_policy(context: Context, id: str, state: State) -> Found:
    attributes = context.client("sns").get_topic_attributes(TopicArn=id)["Attributes"]
    return Found({"arn": id, "policy": attributes["Policy"]})


def _create_subscription(context: Context, inputs: Inputs) -> Created:
    topic = inputs.need("topic")
    attributes = {api: _text(value) for key, api in _SUBSCRIPTION.items() if (value := inputs.take(key)) is not None}
    request = inputs.rest("sns", "Subscribe")
    made = context.client("sns").subscribe(TopicArn=topic, ReturnSubscriptionArn=True, Attributes=attributes, **request)
    return Created(made["SubscriptionArn"], {"arn": made["SubscriptionArn"]})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _update_subscription(context: Context, id: str, state: State, inputs: Inputs) -> State:
    for untouched in ("topic", "endpoint", "protocol"):
        inputs.take(untouched)
    for key, api in _SUBSCRIPTION.items():
        value = inputs.take(key)
        if value != state.get(key):
            default = {"rawMessageDelivery": "false", "filterPolicyScope": "MessageAttributes"}.get(key, "{}")
            context.client("sns").set_subscription_attributes(
                SubscriptionArn=id, AttributeName=api, AttributeValue=default if value is None else _text(value)
            )
    inputs.done()
    return {}


def _read_subscription(context: Context, id: str, state: State) -> Found:
    attributes = context.client("sns").get_subscription_attributes(SubscriptionArn=id)["Attributes"]
    found: dict[str, Any] = {key: attributes.get(api) for key, api in _SUBSCRIPTION.items()}
    found["rawMessageDelivery"] = attributes.get("RawMessageDelivery") == "true"
    named = {"topic": "TopicArn", "endpoint": "Endpoint", "protocol": "Protocol"}
    return Found({**found, **{key: attributes[api] for key, api in named.items()}}, {"arn": id})


def _delete_subscription(context: Context, id: str, state: State) -> None:
    context.client("sns").unsubscribe(SubscriptionArn=id)


def _has_own_policy(answer: Any, it: State) -> bool:
    return bool(answer["Attributes"]["Policy"] != _default_policy(it["id"]))


TYPES = {
    "aws:sns/topic:Topic": ResourceType(
        _create_topic,
        _delete_topic,
        _update_topic,
        frozenset({"name", "namePrefix", "fifoTopic"}),
        found_by("sns", "GetTopicAttributes", lambda it: {"TopicArn": it["id"]}),
        tagged("sns", lambda it: {"ResourceArn": it["id"]}),
        _read_topic,
        documents=frozenset({"policy"}),
        shared=frozenset({"policy"}),
    ),
    "aws:sns/topicPolicy:TopicPolicy": ResourceType(
        _create_topic_policy,
        _delete_topic_policy,
        _update_topic_policy,
        frozenset({"arn"}),
        found_by("sns", "GetTopicAttributes", lambda it: {"TopicArn": it["id"]}, _has_own_policy),
        read=_read_topic_policy,
        documents=frozenset({"policy"}),
    ),
    "aws:sns/topicSubscription:TopicSubscription": ResourceType(
        _create_subscription,
        _delete_subscription,
        _update_subscription,
        frozenset({"topic", "endpoint", "protocol"}),
        found_by("sns", "GetSubscriptionAttributes", lambda it: {"SubscriptionArn": it["id"]}),
        read=_read_subscription,
        defaults={"filterPolicyScope": "MessageAttributes"},
        documents=frozenset({"filterPolicy", "redrivePolicy", "deliveryPolicy"}),
    ),
}
