"""The evaluator of policy documents: against an independent one, and what rules ask it."""

from typing import Any

import pytest
from eda_policies.iam_document import Condition, Principal, statements
from eda_policies.iam_evaluator import Decision, Request, anything, decide, holds, passes
from eda_policies.iam_patterns import FORMATS, NAMES, instances, matches, names_nothing
from eda_policies.iam_questions import from_outside, lets_plain_http_pass, services_for_all
from eda_sandbox.foundation import iam as sandbox
from hypothesis import given, settings
from hypothesis import strategies as st
from ministack.core import iam_evaluator as independent

from tests.examples import examples

ACCOUNT = "123456789012"
BUCKET = "arn:aws:s3:::shop-data"
QUEUE = f"arn:aws:sqs:eu-central-1:{ACCOUNT}:shop-work"
OPERATORS = [
    *(f"String{name}" for name in ("Equals", "NotEquals", "Like", "NotLike", "EqualsIgnoreCase")),
    *(f"Arn{name}" for name in ("Like", "NotLike", "Equals", "NotEquals")),
    *(f"Numeric{name}" for name in ("LessThan", "GreaterThanEquals", "Equals")),
    *("Bool", "IpAddress", "NotIpAddress", "DateLessThan", "Null"),
]
ACTIONS = ["s3:GetObject", "s3:Get*", "s3:*", "S3:getobject", "*", "s3:Get??ject", "sqs:SendMessage"]
RESOURCES = [BUCKET, f"{BUCKET}/*", f"{BUCKET}/a?c", "arn:aws:s3:::*", "*"]
VALUES = ["a", "ab", "a*", "A", "?", "*", "1", "2", "true", "false", "10.0.0.0/8", "10.1.2.3", "2026-01-01T00:00:00Z"]
KEYS = ["aws:sourceaccount", "aws:sourcearn", "s3:prefix", "dynamodb:attributes"]

values = st.lists(st.sampled_from(VALUES), min_size=1, max_size=2)
operators = st.builds(
    lambda prefix, name, suffix: name if name == "Null" else f"{prefix}{name}{suffix}",
    st.sampled_from(["", "ForAllValues:", "ForAnyValue:"]),
    st.sampled_from(OPERATORS),
    st.sampled_from(["", "IfExists"]),
)


def conditions_of(operator: str) -> st.SearchStrategy[dict[str, Any]]:
    compared = st.sampled_from([["true"], ["false"]]) if operator == "Null" else values
    return st.dictionaries(st.sampled_from(KEYS), compared, min_size=1, max_size=2).map(lambda block: {operator: block})


conditions = st.lists(operators.flatmap(conditions_of), max_size=2).map(
    lambda blocks: {operator: block for found in blocks for operator, block in found.items()}
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    made = []
    for _ in range(draw(st.integers(1, 4))):
        made.append(
            {
                "Effect": draw(st.sampled_from(["Allow", "Deny"])),
                draw(st.sampled_from(["Action", "NotAction"])): draw(st.lists(st.sampled_from(ACTIONS), min_size=1)),
                draw(st.sampled_from(["Resource", "NotResource"])): draw(
                    st.lists(st.sampled_from(RESOURCES), min_size=1)
                ),
                "Condition": draw(conditions),
            }
        )
    return {"Statement": made}


contexts = st.dictionaries(
    st.sampled_from(KEYS), st.lists(st.sampled_from([v for v in VALUES if "*" not in v]), min_size=1, max_size=2)
)


@settings(max_examples=examples(400), deadline=None)
@given(documents(), st.sampled_from(ACTIONS[:1] + ACTIONS[-1:]), st.sampled_from([BUCKET, f"{BUCKET}/abc"]), contexts)
def test_a_request_is_decided_as_by_another_evaluator(
    document: dict[str, Any], action: str, resource: str, context: dict[str, list[str]]
) -> None:
    request = Request(
        Principal("AWS", ACCOUNT), action, resource, {key: tuple(found) for key, found in context.items()}
    )
    asked = independent.EvalContext(
        principal_arn="",
        principal_type="Root",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=resource,
        region="eu-central-1",
        service_context={key: found if len(found) > 1 else found[0] for key, found in context.items()},
    )
    theirs = independent.evaluate(asked, [independent.parse_policy_document(document)]).decision
    ours = {Decision.ALLOWED: "Allow", Decision.DENIED: "Deny", Decision.NOT_ALLOWED: "ImplicitDeny"}
    assert ours[decide(list(statements(document)), request)] == _without_lists(context, document, theirs, ours, request)


def _without_lists(context: Any, document: Any, theirs: str, ours: Any, request: Request) -> str:
    """A key of several values under an operator for one is a mistake of the request, which AWS does not define."""
    several = {key for key, found in context.items() if len(found) > 1}
    plain = {
        key.lower()
        for statement in document["Statement"]
        for operator, block in statement["Condition"].items()
        if ":" not in operator
        for key in block
    }
    return ours[decide(list(statements(document)), request)] if several & plain else theirs


SERVICES = ["states.amazonaws.com", "s3.amazonaws.com"]


@settings(max_examples=examples(200), deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "Effect": st.sampled_from(["Allow", "Deny"]),
                "Principal": st.one_of(
                    st.just("*"), st.lists(st.sampled_from(SERVICES), min_size=1).map(lambda s: {"Service": s})
                ),
                "Action": st.just("sts:AssumeRole"),
                "Condition": conditions,
            }
        ),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(SERVICES),
    st.sampled_from(["111111111111", ACCOUNT, "a"]),
)
def test_a_service_is_trusted_as_the_sandbox_trusts_it(found: list[Any], service: str, account: str) -> None:
    document = {"Statement": found}
    keys: dict[str, Any] = {"aws:sourceaccount": (account,)}
    request = Request(Principal("Service", service), "sts:AssumeRole", "*", keys)
    trusted = sandbox.trusts(document, service, account, "eu-central-1", None)
    assert (decide(list(statements(document)), request) is Decision.ALLOWED) == trusted


@settings(max_examples=examples(100), deadline=None)
@given(documents(), st.sampled_from(["s3:GetObject", "sqs:SendMessage"]), contexts)
def test_what_gets_through_for_some_keys_is_found(document: dict[str, Any], action: str, context: Any) -> None:
    found = list(statements(document))
    keys = {key: tuple(values[:1]) for key, values in context.items()}
    asked = Request(Principal("AWS", ACCOUNT), action, f"{BUCKET}/abc", keys)
    if decide(found, asked) is Decision.ALLOWED:
        free = Request(asked.principal, action, asked.resource)
        assert passes(found, free, lambda key, conditions: [*anything(key, conditions), keys.get(key)])


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_a_pattern_matches_as_another_evaluator_says(pattern: str, value: str) -> None:
    assert matches(value, pattern) == independent.fnmatch_iam_cs(value, pattern)
    assert all(matches(found, pattern) for found in instances(pattern))


def deny(action: Any = "s3:*", resource: Any = (BUCKET, f"{BUCKET}/*"), condition: Any = None, **more: Any) -> Any:
    condition = condition if condition is not None else {"Bool": {"aws:SecureTransport": "false"}}
    statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": list(resource), **more}
    return {**statement, "Condition": condition}


TLS_ONLY = {
    "text": [deny()],
    "a JSON boolean": [deny(condition={"Bool": {"aws:SecureTransport": False}})],
    "another case": [deny("S3:*", condition={"Bool": {"AWS:securetransport": ["False"]}})],
    "all actions of all services": [deny("*", ["*"])],
    "the principal in a map": [deny(Principal={"AWS": ["*"]})],
    "both values": [deny(condition={"Bool": {"aws:SecureTransport": ["true", "false"]}})],
    "if it exists": [deny(condition={"BoolIfExists": {"aws:SecureTransport": "false"}})],
    "not the other": [deny(condition={"StringNotEquals": {"aws:SecureTransport": "true"}})],
    "everything is denied": [deny(condition={})],
    "all but another service's actions": [{**deny(), "Action": [], "NotAction": ["dynamodb:*"]}],
    "all but another resource": [
        {**deny(resource=[]), "NotResource": ["arn:aws:s3:::others", "arn:aws:s3:::others/*"]}
    ],
    "two statements": [deny(resource=[BUCKET]), deny(resource=[f"{BUCKET}/*"])],
    "an Allow of TLS beside it": [deny(), {**deny(), "Effect": "Allow", "Principal": {"AWS": ACCOUNT}}],
    "any and all": [deny(condition={"ForAnyValue:Bool": {"aws:SecureTransport": "false"}})],
}
PLAIN_HTTP = {
    "no statement": [],
    "an Allow": [{**deny(), "Effect": "Allow"}],
    "some actions": [deny("s3:Get*")],
    "one more star": [deny("s3:*t*")],
    "another action": [deny("s3:DeleteBucketWebsite*")],
    "a service that only ends so": [deny("nots3:*")],
    "the bucket alone": [deny(resource=[BUCKET])],
    "the objects alone": [deny(resource=[f"{BUCKET}/*"])],
    "some objects": [deny(resource=[BUCKET, f"{BUCKET}/s/*"])],
    "objects of one character": [deny(resource=[BUCKET, f"{BUCKET}/?"])],
    "another bucket": [deny(resource=["arn:aws:s3:::other", "arn:aws:s3:::other/*"])],
    "all but some objects": [{**deny(resource=[]), "NotResource": f"{BUCKET}/public/*"}],
    "all but an action": [{**deny(), "Action": [], "NotAction": "s3:GetObject"}],
    "a further condition": [
        deny(condition={"Bool": {"aws:SecureTransport": "false"}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    ],
    "a further key": [deny(condition={"Bool": {"aws:SecureTransport": "false", "aws:PrincipalIsAWSService": "false"}})],
    "the other value": [deny(condition={"Bool": {"aws:SecureTransport": "true"}})],
    "TLS denied": [deny(condition={"StringNotEquals": {"aws:SecureTransport": "false"}})],
    "the key is absent": [deny(condition={"Null": {"aws:SecureTransport": "true"}})],
    "another key": [deny(condition={"Bool": {"aws:SecureTransports": "false"}})],
    "an old version of TLS": [deny(condition={"NumericLessThan": {"s3:TlsVersion": "1.2"}})],
    "an operator that there is not": [deny(condition={"Boolean": {"aws:SecureTransport": "false"}})],
    "one account": [deny(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})],
    "services": [deny(Principal={"Service": "*"})],
    "all but one": [{**deny(Principal={}), "NotPrincipal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/ops"}}],
}


@pytest.mark.parametrize("name", TLS_ONLY)
def test_a_document_that_refuses_every_request_without_tls(name: str) -> None:
    assert not lets_plain_http_pass([{"Statement": TLS_ONLY[name]}], "s3", BUCKET, True)


@pytest.mark.parametrize("name", PLAIN_HTTP)
def test_a_document_that_lets_a_request_without_tls_pass(name: str) -> None:
    assert lets_plain_http_pass([{"Statement": PLAIN_HTTP[name]}], "s3", BUCKET, True)


@pytest.mark.parametrize(
    ("statement", "open_"),
    [
        (deny("sqs:*", [QUEUE]), False),
        (deny("sqs:*", ["*"]), False),
        (deny("sqs:Tag*", [QUEUE]), True),
        (deny("sqs:*", [f"{QUEUE}-other"]), True),
        (deny(["sqs:SendMessage", "sqs:ReceiveMessage"], [QUEUE]), True),
    ],
)
def test_a_queue_is_asked_as_a_bucket_is(statement: Any, open_: bool) -> None:
    assert lets_plain_http_pass([{"Statement": statement}], "sqs", QUEUE, False) is open_


def allow(principal: Any, condition: Any = None, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition or {}, **more}


def everybody(condition: Any) -> list[Any]:
    return [allow("*", condition)]


GITHUB = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"}
SUB, AUD = "token.actions.githubusercontent.com:sub", "token.actions.githubusercontent.com:aud"
OPEN = {
    "everybody": everybody({}),
    "everybody in a map": [allow({"AWS": ["*"]})],
    "everybody by TLS": everybody({"Bool": {"aws:SecureTransport": "true"}}),
    "everybody of any account": everybody({"StringLike": {"aws:PrincipalAccount": "*"}}),
    "everybody of accounts that begin alike": everybody({"StringLike": {"aws:PrincipalAccount": "1*"}}),
    "everybody of ten accounts": everybody({"StringLike": {"aws:PrincipalAccount": "12345678901?"}}),
    "everybody of another account": everybody({"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}}),
    "everybody without an organisation": everybody({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1234567890"}}),
    "everybody of all values": everybody({"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}),
    "everybody with an external id": everybody({"StringEquals": {"sts:ExternalId": "shop"}}),
    "everybody's roles of a name": everybody({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deploy"}}),
    "a key that is absent": everybody({"Null": {"aws:PrincipalOrgID": "true"}}),
    "the key itself": everybody({"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}}),
    "all but one": [{**allow({}), "NotPrincipal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/ops"}}],
    "a Deny of something else": [allow("*"), {**allow("*"), "Effect": "Deny", "Action": "sts:TagSession"}],
    "everybody's workflows": [allow(GITHUB, {"StringEquals": {AUD: "sts.amazonaws.com"}})],
    "everybody's repositories": [allow(GITHUB, {"StringLike": {SUB: "repo:*"}})],
}
NAMED = {
    "an account": [allow({"AWS": ACCOUNT})],
    "a role of another account": [allow({"AWS": "arn:aws:iam::999999999999:role/deploy"})],
    "everybody of an account": everybody({"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}),
    "everybody of an organisation": everybody({"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}),
    "everybody of roles of an account": everybody({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/*"}}),
    "a Deny of all others": [
        allow("*"),
        {**allow("*", {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}}), "Effect": "Deny"},
    ],
    "a Deny of everybody": [allow("*"), {**allow("*"), "Effect": "Deny", "Action": "*"}],
    "an organisation's workflows": [allow(GITHUB, {"StringLike": {SUB: "repo:shop/*"}})],
    "a condition that nothing fulfils": everybody({"Boolean": {"aws:SecureTransport": "true"}}),
}


@pytest.mark.parametrize("name", OPEN)
def test_somebody_from_outside_gets_in(name: str) -> None:
    assert list(from_outside({"Statement": OPEN[name]}))


@pytest.mark.parametrize("name", NAMED)
def test_nobody_from_outside_gets_in(name: str) -> None:
    assert not list(from_outside({"Statement": NAMED[name]}))


@pytest.mark.parametrize(
    ("condition", "open_"),
    [
        ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, False),
        ({"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, True),
        ({"StringEquals": {"aws:SourceVpce": "vpce-0123456789abcdef0"}}, False),
    ],
)
def test_a_network_keeps_others_out_of_a_resource_and_does_not_say_who_assumes_a_role(
    condition: Any, open_: bool
) -> None:
    assert bool(list(from_outside({"Statement": everybody(condition)}, network=True))) is open_
    assert list(from_outside({"Statement": everybody(condition)}))


STATES = {"Service": "states.amazonaws.com"}
FOR_ALL = {
    "no condition": {},
    "any account": {"StringLike": {"aws:SourceAccount": "*"}},
    "six digits": {"StringLike": {"aws:SourceAccount": "123456*"}},
    "another account": {"StringNotEquals": {"aws:SourceAccount": "999999999999"}},
    "a key that is absent": {"Null": {"aws:SourceAccount": "true"}},
    "a key that is present": {"Null": {"aws:SourceAccount": "false"}},
    "any ARN": {"ArnLike": {"aws:SourceArn": "arn:aws:*"}},
    "any ARN of the service": {"ArnLike": {"aws:SourceArn": "arn:aws:states:*:*:*"}},
    "any account's machine of a name": {"ArnLike": {"aws:SourceArn": "arn:aws:states:*:*:stateMachine:orders"}},
    "all values": {"ForAllValues:StringEquals": {"aws:SourceAccount": ACCOUNT}},
    "if it exists": {"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}},
    "by TLS": {"Bool": {"aws:SecureTransport": "true"}},
}
FOR_ONE = {
    "an account": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    "a number": {"StringEquals": {"AWS:sourceaccount": int(ACCOUNT)}},
    "one of accounts": {"StringLike": {"aws:SourceAccount": [ACCOUNT, "999999999999"]}},
    "an account's machines": {"ArnLike": {"aws:SourceArn": f"arn:aws:states:*:{ACCOUNT}:stateMachine:*"}},
    "an organisation": {"StringEquals": {"aws:SourceOrgID": "o-1234567890"}},
    "an account, beside any ARN": {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": "arn:aws:states:*:*:stateMachine:*"},
    },
    "any value": {"ForAnyValue:StringEquals": {"aws:SourceAccount": ACCOUNT}},
}


@pytest.mark.parametrize("name", FOR_ALL)
def test_a_service_gets_in_for_every_account(name: str) -> None:
    assert list(services_for_all({"Statement": allow(STATES, FOR_ALL[name])}))


@pytest.mark.parametrize("name", FOR_ONE)
def test_a_service_gets_in_for_named_accounts(name: str) -> None:
    assert not list(services_for_all({"Statement": allow(STATES, FOR_ONE[name])}))


@pytest.mark.parametrize(
    "pattern",
    [
        *("*", "**", "?*", "*:*", "arn:*", "arn:aws:*", "arn:*:*:*:*:*", "a*"),
        *("arn:aws:dynamodb:*:*:*", "arn:aws:dynamodb:*:*:table/*", "arn:aws:dynamodb:*:*:table*"),
        *("arn:aws:dynamodb:*:*:*able*", "arn:aws:dynamodb:*:*:table/?*", "arn:aws:dynamodb:*:*:table/*/index/*"),
        *("arn:aws:dynamodb:*:*:table/*/index/by-owner", "arn:aws:dynamo*:*:*:table/*", "arn:aws:s3:::*"),
        *(
            "arn:aws:s3:::*/*",
            "arn:aws:s3:::*/raw/*",
            "arn:aws:sqs:eu-central-1:123456789012:*",
            "arn:aws:iam::*:role/*",
        ),
        *("arn:aws:secretsmanager:eu-central-1:123456789012:secret:*", "arn:aws:kms:*:123456789012:key/*"),
        *("arn:aws:logs:*:*:*", "arn:aws:logs:*:*:log-group:*:*", "arn:aws:execute-api:*:*:*/prod/GET/orders"),
        *("arn:aws:lambda:*:*:function:*", "arn:aws:states:*:*:stateMachine:*", "arn:aws:unknown:*:*:thing/*"),
        *("arn:aws:unknown:*:*:*", "arn:aws:events:*:*:rule/*", "arn:aws-cn:s3:::*"),
    ],
)
def test_a_pattern_that_names_nothing(pattern: str) -> None:
    assert names_nothing(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *("arn:aws:s3:::shop-data", "arn:aws:s3:::shop-data/*", "arn:aws:s3:::shop-*/raw/*", "arn:aws:sqs:*:*:shop-*"),
        *("arn:aws:dynamodb:*:*:table/orders", "arn:aws:dynamodb:*:*:table/orders/index/*"),
        *("arn:aws:dynamodb:*:*:table/*-orders", "arn:aws:iam::123456789012:role/service-role/*"),
        *("arn:aws:secretsmanager:*:*:secret:shop-*", "arn:aws:logs:*:*:log-group:/aws/lambda/shop-*:*"),
        *("arn:aws:execute-api:*:*:a1b2c3d4e5/*", "arn:aws:unknown:*:*:thing/one-*", "arn:aws:glue:*:*:catalog"),
        *("arn:aws:states:*:*:execution:orders:*", "arn:aws:kms:eu-central-1:123456789012:key/1234abcd"),
    ],
)
def test_a_pattern_that_names_something(pattern: str) -> None:
    assert not names_nothing(pattern)


@given(st.sampled_from(sorted(FORMATS)), st.data())
def test_a_resource_by_its_name_is_named_and_any_name_of_it_is_not(service: str, data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(FORMATS[service]))
    arn = f"arn:aws:{service}:eu-central-1:{ACCOUNT}:"
    assert not names_nothing(arn + form.replace("{}", "orders"))
    assert names_nothing(arn + form.replace("{}", "*"))
    assert names_nothing(arn + form.replace("{}", "?*"))


@pytest.mark.parametrize(
    ("operator", "values", "actual", "expected"),
    [
        ("null", ("true",), None, True),
        ("null", ("false",), ("x",), True),
        ("stringequalsifexists", ("x",), None, True),
        ("stringequals", ("x",), None, False),
        ("stringnotequals", ("x",), None, True),
        ("forallvalues:stringequals", ("x",), (), True),
        ("foranyvalue:stringequals", ("x",), ("y", "x"), True),
        ("foranyvalue:stringnotequals", ("x",), None, False),
        ("numericlessthan", ("1.2",), ("1.1",), True),
        ("datelessthan", ("2026-01-01",), ("2025-12-31T23:59:59Z",), True),
        ("ipaddress", ("10.0.0.0/8",), ("11.0.0.1",), False),
    ],
)
def test_a_condition_holds_as_aws_documents_it(operator: str, values: Any, actual: Any, expected: bool) -> None:
    assert holds(Condition(operator, "k", values), actual) is expected


def test_names_match_no_word_that_a_stack_uses() -> None:
    assert all(not matches(name, pattern) for name in NAMES for pattern in ("shop-*", "*orders*", "table", "a*"))
