"""Topics: their names, attributes and tags."""

import json
from typing import Any

from ministack.services import sns as emulated

from eda_sandbox.frontdoor.emulated_answers import Answer
from eda_sandbox.frontdoor.sns.refusing import Params, check_arn, entries, invalid, refusing

FIRST_NUMBER = 10_000_000_000_000_000_000
"""Where the sequence numbers of FIFO topics begin."""
DELIVERY = {
    "http": {
        "defaultHealthyRetryPolicy": {
            "minDelayTarget": 20,
            "maxDelayTarget": 20,
            "numRetries": 3,
            "numMaxDelayRetries": 0,
            "numNoDelayRetries": 0,
            "numMinDelayRetries": 0,
            "backoffFunction": "linear",
        },
        "disableSubscriptionOverrides": False,
        "defaultRequestPolicy": {"headerContentType": "text/plain; charset=UTF-8"},
    }
}
_ACTIONS = (
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
)
"""What the policy of a new topic allows its account."""
_emulators = {"create": emulated._create_topic, "get": emulated._get_topic, "tag": emulated._tag_resource}


def topic(arn: str, action: str | None = None) -> Any:
    """A topic, and no answer; or none, and the answer that says why.

    Raises:
        Refused: it is no topic's ARN of this region.
    """
    check_arn(emulated._normalize_arn(arn), "TopicArn")
    if arn.split(":")[3] != emulated.get_region():
        raise invalid("TopicArn")
    return _emulators["get"](arn, action)


@refusing
def create(params: Params) -> Answer:
    """CreateTopic."""
    name, attributes = str(emulated._p(params, "Name")), entries(params, "Attributes")
    if name.endswith(".fifo") != (attributes.get("FifoTopic") == "true"):
        raise invalid("Topic Name")
    if attributes.get("FifoTopic") == "false":
        # What is so anyway is not kept.
        del attributes["FifoTopic"]
    tags = _tags(params)
    arn = f"arn:aws:sns:{emulated.get_region()}:{emulated.get_account_id()}:{name}"
    there = emulated._topics.get(arn)
    if there is not None:
        if any(there["attributes"].get(key) != value for key, value in attributes.items()):
            raise invalid("Attributes", "Topic already exists with different attributes")
        if any(there["tags"].get(key) != value for key, value in tags.items()):
            raise invalid("Tags", "Topic already exists with different tags")
    answer: Answer = _emulators["create"](params)
    made = emulated._topics.get(arn)
    if there is None and made is not None:
        _complete(made, attributes)
    return answer


@refusing
def tag(params: Params) -> Answer:
    """TagResource."""
    _tags(params)
    answer: Answer = _emulators["tag"](params)
    return answer


def _tags(params: Params) -> dict[str, str]:
    found, number = dict[str, str](), 1
    while (key := emulated._p(params, f"Tags.member.{number}.Key")) != "":
        if key in found:
            raise invalid("Duplicated keys are not allowed.")
        found[key] = str(emulated._p(params, f"Tags.member.{number}.Value"))
        number += 1
    return found


def _complete(made: dict[str, Any], asked: dict[str, str]) -> None:
    attributes = made["attributes"]
    attributes["EffectiveDeliveryPolicy"] = json.dumps(DELIVERY)
    if "Policy" not in asked:
        policy = json.loads(attributes["Policy"])
        policy["Statement"][0]["Action"] = [f"SNS:{action}" for action in _ACTIONS]
        attributes["Policy"] = json.dumps(policy)
    if "FifoTopic" not in asked:
        attributes.pop("FifoTopic", None)
    if "fifo_seq" in made:
        made["fifo_seq"] = FIRST_NUMBER
