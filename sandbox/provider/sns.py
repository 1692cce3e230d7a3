"""Topics and subscriptions."""

from typing import Any

from sandbox.provider.convert import Inputs, pairs
from sandbox.provider.resource import Context, Created, ResourceType, gone_with_parent


def _create_topic(context: Context, inputs: Inputs) -> Created:
    name, tags = context.auto_name(inputs.take("name"), inputs.take("namePrefix")), inputs.tags()
    attributes = {
        api: value
        for key, api in (("kmsMasterKeyId", "KmsMasterKeyId"), ("policy", "Policy"), ("displayName", "DisplayName"))
        if (value := inputs.take(key)) is not None
    }
    inputs.done()
    made = context.client("sns").create_topic(Name=name, Attributes=attributes, Tags=pairs(tags))
    return Created(made["TopicArn"], {"name": name, "arn": made["TopicArn"]})


def _delete_topic(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("sns").delete_topic(TopicArn=id)


def _create_topic_policy(context: Context, inputs: Inputs) -> Created:
    arn, policy = inputs.need("arn"), inputs.need("policy")
    inputs.done()
    context.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    return Created(arn)


def _create_subscription(context: Context, inputs: Inputs) -> Created:
    topic = inputs.need("topic")
    request = inputs.rest("sns", "Subscribe")
    made = context.client("sns").subscribe(TopicArn=topic, ReturnSubscriptionArn=True, **request)
    return Created(made["SubscriptionArn"], {"arn": made["SubscriptionArn"]})


def _delete_subscription(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("sns").unsubscribe(SubscriptionArn=id)


TYPES = {
    "aws:sns/topic:Topic": ResourceType(_create_topic, _delete_topic, replaces=frozenset({"name"})),
    "aws:sns/topicPolicy:TopicPolicy": ResourceType(_create_topic_policy, gone_with_parent),
    "aws:sns/topicSubscription:TopicSubscription": ResourceType(_create_subscription, _delete_subscription),
}
