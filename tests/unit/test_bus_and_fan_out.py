"""EventBus and FanOut: who may send where, what is FIFO, every error."""

from typing import Any

import pytest
from pulumi_aws_eda import ArgumentError, EventBus, FanOut
from pulumi_aws_eda.testing import Recording, record

QUEUE, POLICY = "aws:sqs/queue:Queue", "aws:sqs/queuePolicy:QueuePolicy"
BUS_ARN = "arn:aws:events:eu-central-1:123456789012"


def senders(made: Recording, queue: str) -> list[Any]:
    """The sources that a queue's policy lets send, by ARN."""
    statements = made.one(POLICY, queue).json("policy")["Statement"]
    assert [each["Sid"] for each in statements if each["Effect"] == "Deny"] == ["TlsOnly"]
    return [each["Condition"]["ArnEquals"]["aws:SourceArn"] for each in statements if each["Effect"] == "Allow"]


def test_a_bus_and_the_rules_on_it_may_send_to_its_dead_letter_queue() -> None:
    made = record(lambda: EventBus("b", {}))
    bus = made.one("aws:cloudwatch/eventBus:EventBus").inputs
    assert bus["deadLetterConfig"]["arn"].endswith(made.one(QUEUE).inputs["name"])
    assert senders(made, "b-dlq") == [f"{BUS_ARN}:event-bus/{bus['name']}", f"{BUS_ARN}:rule/{bus['name']}/*"]
    assert made.one("aws:cloudwatch/eventArchive:EventArchive").inputs["retentionDays"] == 30
    # A bus that nobody else may use has no policy.
    assert not made.of("aws:cloudwatch/eventBusPolicy:EventBusPolicy")


def test_a_bus_without_an_archive_has_none_and_other_accounts_may_only_put_events() -> None:
    args: Any = {
        "archive_retention_in_days": 0,
        "sender_account_ids": ["210987654321"],
        "organization_id": "o-a1b2c3d4e5",
    }
    made = record(lambda: EventBus("b", args))
    assert not made.of("aws:cloudwatch/eventArchive:EventArchive")
    statements = made.one("aws:cloudwatch/eventBusPolicy:EventBusPolicy").json("policy")["Statement"]
    assert {each["Action"] for each in statements} == {"events:PutEvents"}
    assert statements[0]["Principal"] == {"AWS": ["arn:aws:iam::210987654321:root"]}
    assert statements[1]["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}


@pytest.mark.parametrize("fifo", [False, True])
def test_a_topics_queues_and_dead_letter_queues_take_from_it_alone_and_are_fifo_as_it_is(fifo: bool) -> None:
    made = record(lambda: FanOut("f", {"queues": {"a": {}, "b": {"max_receive_count": 3}}, "fifo": fifo}))
    topic = made.one("aws:sns/topic:Topic").inputs
    names = [topic["name"], *(queue.inputs["name"] for queue in made.of(QUEUE).values())]
    assert {name.endswith(".fifo") for name in names} == {fifo}
    for queue in ("a", "a-dlq", "b", "b-dlq"):
        (arn,) = senders(made, f"f-{queue}")
        assert arn.endswith(topic["name"])
    redrive = made.one(QUEUE, "f-b").json("redrivePolicy")
    assert redrive["maxReceiveCount"] == 3
    assert "-b-dlq" in redrive["deadLetterTargetArn"]
    subscription = made.one("aws:sns/topicSubscription:TopicSubscription", "f-b")
    assert subscription.json("redrivePolicy")["deadLetterTargetArn"] == redrive["deadLetterTargetArn"]


@pytest.mark.parametrize(
    ("component", "args", "message"),
    [
        (EventBus, {"archive_retention_in_days": 3651}, "'archive_retention_in_days' is 3651"),
        (EventBus, {"sender_account_ids": ["1"]}, "has '1'; an account's id has 12 digits"),
        (EventBus, {"organization_id": "r-1"}, "'organization_id' is 'r-1'; one is like"),
        (FanOut, {"queues": {}}, "'queues' is empty"),
        (FanOut, {"queues": {"a b": {}}}, "has 'a b'; a name has letters, digits and hyphens"),
        (FanOut, {"queues": {"a": {"filter": {}}}}, "queues['a']: the argument 'filter'"),
        (
            FanOut,
            {"queues": {"a": {"filter_policy_scope": "MessageBody"}}},
            "is of a filter_policy",
        ),
        (FanOut, {"queues": {"a": {"filter_policy": {n: ["x"] for n in "abcdef"}}}}, "has 6 names; SNS takes 5"),
        (FanOut, {"queues": {"a": {"visibility_timeout_seconds": 43_201}}}, "'visibility_timeout_seconds' is 43201"),
        (FanOut, {"queues": {"a": {"max_receive_count": 0}}}, "'max_receive_count' is 0"),
    ],
)
def test_a_wrong_argument_is_named(component: Any, args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        record(lambda: component("it", args))
    assert message in str(raised.value)
