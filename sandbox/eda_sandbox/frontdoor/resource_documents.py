"""Resources' own policies that AWS refuses, each service in its own words.

A service's policies hold actions of that service alone; what else they may hold is in the chapters on access control of
its guide.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml
from ministack.core import iam_evaluator

from eda_sandbox.foundation.cloud import ACCOUNT, REGION
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.foundation.policies.grammar import Malformed, ResourceRules, check_resource_policy
from eda_sandbox.foundation.policies.principals import check_principal
from eda_sandbox.frontdoor import authorization
from eda_sandbox.frontdoor.iam_documents import exists

TOPIC_ACTIONS = frozenset(
    {
        "addpermission",
        "deletetopic",
        "getdataprotectionpolicy",
        "gettopicattributes",
        "listsubscriptionsbytopic",
        "listtagsforresource",
        "publish",
        "putdataprotectionpolicy",
        "receive",
        "removepermission",
        "settopicattributes",
        "subscribe",
    }
)
"""What a topic's policy may allow (SNS Developer Guide, valid SNS policy actions), with ``Receive`` of its default."""
QUEUE_ACTIONS = 7
"""Actions in a statement of a queue's policy (SQS Developer Guide, policy quotas)."""
Found = Callable[[HttpRequest], Any]


def _attribute(request: HttpRequest) -> Any:
    given = request.parameters()
    if given.get("AttributeName") == "Policy":
        return given.get("AttributeValue")
    named = {value: key[: -len("key")] + "value" for key, value in given.items() if key.endswith(".key")}
    return given.get(named.get("Policy", ""))


def _member(name: str) -> Found:
    return lambda request: request.parameters().get(name)


def _refusal(code: str, text: str | None = None) -> Callable[[str], AwsError]:
    return lambda why: AwsError(code, text or why, 400)


def _topic_refusal(why: str) -> AwsError:
    problem = "statement action out of service scope!" if why == "Policy has invalid action" else "Error: null"
    return AwsError("InvalidParameter", f"Invalid parameter: Policy {problem}", 400)


_KEY = ResourceRules("kms", wide=False)
_TOPIC = ResourceRules("sns", wide=False, actions=TOPIC_ACTIONS)
_QUEUE = ResourceRules("sqs", needs_resource=False, most_actions=QUEUE_ACTIONS)
_SECRET = ResourceRules("secretsmanager")
_STREAM = ResourceRules("kinesis")
_LOGS = ResourceRules("logs", needs_resource=False)
_QUEUE_REFUSAL = _refusal("InvalidAttributeValue", "Invalid value for the parameter Policy.")
_SECRET_REFUSAL = _refusal("MalformedPolicyDocumentException", "This resource policy contains a syntax error.")
_POLICIES: Mapping[tuple[str, str], tuple[ResourceRules, Found, Callable[[str], AwsError]]] = {
    ("kinesis", "PutResourcePolicy"): (_STREAM, _member("Policy"), _refusal("InvalidArgumentException")),
    ("kms", "CreateKey"): (_KEY, _member("Policy"), _refusal("MalformedPolicyDocumentException")),
    ("kms", "PutKeyPolicy"): (_KEY, _member("Policy"), _refusal("MalformedPolicyDocumentException")),
    ("logs", "PutResourcePolicy"): (_LOGS, _member("policyDocument"), _refusal("InvalidParameterException")),
    ("secretsmanager", "PutResourcePolicy"): (_SECRET, _member("ResourcePolicy"), _SECRET_REFUSAL),
    ("sns", "CreateTopic"): (_TOPIC, _attribute, _topic_refusal),
    ("sns", "SetTopicAttributes"): (_TOPIC, _attribute, _topic_refusal),
    ("sqs", "CreateQueue"): (_QUEUE, lambda request: _attributes(request).get("Policy") or None, _QUEUE_REFUSAL),
    ("sqs", "SetQueueAttributes"): (_QUEUE, lambda request: _attributes(request).get("Policy") or None, _QUEUE_REFUSAL),
}


def _attributes(request: HttpRequest) -> Mapping[str, Any]:
    found = request.parameters().get("Attributes")
    return found if isinstance(found, dict) else {}


def check(service: str, operation: str, request: HttpRequest) -> None:
    """Check a request to the emulator that writes a resource's policy; others pass.

    Args:
        service: boto3's name.
        operation: as the API model spells it.
        request: as it came.

    Raises:
        AwsError: the service does not take the policy.
    """
    if (service, operation) == ("s3", "PutBucketPolicy"):
        _check_bucket_policy(request)
        return
    if (service, operation) == ("dynamodb", "PutResourcePolicy"):
        raise AwsError(
            "ValidationException", "the sandbox asks no policies of tables and streams (PutResourcePolicy)", 400
        )
    if (service, operation) not in _POLICIES:
        return
    rules, found, refusal = _POLICIES[service, operation]
    _check(found(request), rules, refusal)
    if service == "kms":
        _check_lockout(request.parameters(), authorization.access_key(request))


_BUS = ResourceRules("events", wide=False)
_API = ResourceRules("execute-api", wide=True)
_API_POLICY = b"x-amazon-apigateway-policy"
_BAD_BUS = _refusal("ValidationException", "Parameter Policy is not valid.")
_BAD_API = _refusal(
    "BadRequestException",
    "Invalid policy document. Please check the policy syntax and ensure that Principals are valid.",
)


def check_own(service: str, operation: str, given: Mapping[str, Any]) -> None:
    """Check a request to one of the sandbox's own services, as ``check`` does.

    Args:
        service: boto3's name.
        operation: as the API model spells it.
        given: its parameters.

    Raises:
        AwsError: the service does not take the policy.
    """
    match service, operation:
        case "events", "PutPermission":
            _check(given.get("Policy"), _BUS, _BAD_BUS)
        case "apigateway", "CreateRestApi":
            _check(given.get("policy"), _API, _BAD_API)
        case "apigateway", "PutRestApi" if _API_POLICY in bytes(given.get("body", b"")):
            _check(_api_policy(given["body"]), _API, _BAD_API)
        case "lambda", "AddPermission" | "AddLayerVersionPermission":
            principal = given["Principal"]
            kind = "Service" if principal.endswith((".amazonaws.com", ".amazon.com")) else "AWS"
            if check_principal("*" if principal == "*" else {kind: principal}, exists) is not None:
                problem = "The provided principal was invalid. Please check the principal and try again."
                raise AwsError("InvalidParameterValueException", problem, 400)


def _api_policy(body: bytes) -> Any:
    """The policy in an OpenAPI document; one that cannot be read is refused by the service."""
    try:
        document = yaml.safe_load(body)
    except yaml.YAMLError:
        return None
    found = document.get(_API_POLICY.decode()) if isinstance(document, dict) else None
    return found if isinstance(found, str) or found is None else json.dumps(found, default=str)


def _check(document: Any, rules: ResourceRules, refusal: Callable[[str], AwsError]) -> None:
    # An empty one is none.
    if not isinstance(document, str) or not document:
        return
    try:
        check_resource_policy(document, rules, exists)
    except Malformed as error:
        if "sandbox" in error.message:
            raise AwsError(refusal("").code, error.message, 400) from None
        raise refusal(_in_words(error.message)) from None


def _in_words(why: str) -> str:
    return "Policy contains a statement with one or more invalid principals." if "principal" in why.lower() else why


def _check_lockout(given: Mapping[str, Any], access_key: str) -> None:
    """Who writes a key's policy may write it again, unless they say that they know better."""
    policy = given.get("Policy")
    if not policy or given.get("BypassPolicyLockoutSafetyCheck"):
        return
    root = f"arn:aws:iam::{ACCOUNT}:root"
    caller = getattr(iam_evaluator.resolve_credential(access_key, ACCOUNT), "principal_arn", root)
    for principal in (root, caller):
        asked = iam_evaluator.EvalContext(principal, "Root", ACCOUNT, "kms:PutKeyPolicy", "*", REGION)
        if iam_evaluator.evaluate_resource_policy(policy, asked).decision == "Allow":
            return
    problem = "The new key policy will not allow you to update the key policy in the future."
    raise AwsError("MalformedPolicyDocumentException", problem, 400)


def _check_bucket_policy(request: HttpRequest) -> None:
    bucket = request.path.lstrip("/").partition("/")[0]
    of_bucket = re.compile(rf"arn:aws:s3:::({re.escape(bucket)}|\*)(/.*)?|\*", re.DOTALL)
    rules = ResourceRules("s3", covers=lambda resource: of_bucket.fullmatch(resource) is not None)
    try:
        check_resource_policy(request.body.decode("utf-8", "replace"), rules, exists)
    except Malformed as error:
        why = error.message if "sandbox" in error.message else error.message.partition(': "')[0]
        raise AwsError("MalformedPolicy", why, 400) from None
