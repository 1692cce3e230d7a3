"""The pipeline's stacks under the pack: all pass, and each setting of the mission that is broken is reported."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from eda_policies import runner
from eda_policies.rule import ENVIRONMENTS, Level
from eda_policies.rules import RULES
from google.protobuf.struct_pb2 import Struct

from tests.policies.stacks import CONFIG, PROGRAM, copied, copy_of, stack_requests

FUNCTION = "aws:lambda/function:Function"
MACHINE = "aws:sfn/stateMachine:StateMachine"
API = "aws:apigateway/restApi:RestApi"
STREAM = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
PIPE = "aws:pipes/pipe:Pipe"


@pytest.fixture(scope="module")
def prod() -> runner.Requests:
    return stack_requests("prod")


def reported(found: runner.Requests, environment: str = "prod") -> set[tuple[str, str, Level]]:
    return {
        (violation.rule, violation.urn.rpartition("::")[2], violation.level)
        for violation in runner.check(RULES, found, environment, CONFIG)
    }


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_every_stack_passes_what_is_mandatory(stack: str) -> None:
    found = stack_requests(stack)
    assert runner.environment(PROGRAM, stack) == stack
    violations = runner.check(RULES, found, stack, CONFIG)
    assert [v.message for v in violations if v.level is Level.MANDATORY] == []


def test_a_first_preview_of_prod_passes_and_knows_the_links() -> None:
    found = stack_requests("prod", preview=True)
    violations = runner.check(RULES, found, "prod", CONFIG)
    assert [v.message for v in violations if v.level is Level.MANDATORY] == []
    links = {"sqs-dead-letter", "dlq-alarm", "lambda-own-role", "lambda-own-log-group", "firehose-freshness-alarm"}
    assert not links & {v.rule for v in violations}


def mutated(found: runner.Requests, type: str, name: str, change: Callable[[Struct], None]) -> runner.Requests:
    """The stack with one resource changed, in its inputs and its outputs."""
    made = copied(found)
    changed = [r for r in (*made.resources, *made.stack.resources) if (r.type, r.name) == (type, name)]
    assert len(changed) == 2, f"{type} {name} is not in the stack"
    for resource in changed:
        change(resource.properties)
    return made


def set_(path: str, value: Any) -> Callable[[Struct], None]:
    """Set a property; None takes it out."""

    def change(properties: Struct) -> None:
        *parents, last = path.split(".")
        holder = properties
        for part in parents:
            holder = holder[part]
        if value is None:
            del holder[last]
        else:
            holder[last] = value

    return change


def without_pick(definition: Any) -> None:
    """The answer goes on as it is."""
    states = definition["States"]
    states["CallFunction"]["Next"] = "MarkAwaiting"
    for name in ("HasResult", "TakeResult", "NoResult"):
        del states[name]


def in_document(key: str, edit: Callable[[Any], Any]) -> Callable[[Struct], None]:
    """Change a JSON document."""

    def change(properties: Struct) -> None:
        document = json.loads(properties[key])
        edit(document)
        properties[key] = json.dumps(document)

    return change


def no_tracing(policy: Any) -> None:
    policy["Statement"] = [statement for statement in policy["Statement"] if statement["Sid"] != "Trace"]


BUDGET, BUFFER = {"lambda-function-budget"}, {"firehose-buffering"}
MUTATIONS: dict[str, tuple[str, str, Callable[[Struct], None], set[str]]] = {
    "GET: memory": (FUNCTION, "get-order-function", set_("memorySize", 256), BUDGET),
    "GET: timeout": (FUNCTION, "get-order-function", set_("timeout", 3), BUDGET),
    "GET: reserved concurrency": (FUNCTION, "get-order-function", set_("reservedConcurrentExecutions", None), BUDGET),
    "details: memory": (FUNCTION, "add-details-function", set_("memorySize", 129), BUDGET),
    "details: timeout": (FUNCTION, "add-details-function", set_("timeout", 11), BUDGET),
    "details: a timeout as long as the gateway waits": (
        FUNCTION,
        "add-details-function",
        set_("timeout", 29),
        {*BUDGET, "lambda-timeout-under-caller"},
    ),
    "external call: memory": (FUNCTION, "call-external-api-function", set_("memorySize", 1024), BUDGET),
    "external call: timeout": (FUNCTION, "call-external-api-function", set_("timeout", 121), BUDGET),
    "external call: a timeout over its state's": (
        FUNCTION,
        "call-external-api-function",
        set_("timeout", 131),
        {*BUDGET, "lambda-timeout-under-caller"},
    ),
    "external call: memory out of bounds": (
        FUNCTION,
        "call-external-api-function",
        set_("memorySize", 10240),
        {*BUDGET, "lambda-memory-bounds"},
    ),
    "external call: reserved concurrency": (
        FUNCTION,
        "call-external-api-function",
        set_("reservedConcurrentExecutions", -1),
        BUDGET,
    ),
    "token keeper: timeout out of bounds": (
        FUNCTION,
        "orders-workflow-token-keeper-function",
        set_("timeout", 900),
        {"lambda-timeout-bounds"},
    ),
    "Firehose: interval": (STREAM, "orders-raw-stream", set_("extendedS3Configuration.bufferingInterval", 60), BUFFER),
    "Firehose: size": (STREAM, "orders-raw-stream", set_("extendedS3Configuration.bufferingSize", 64), BUFFER),
    "Firehose: error prefix": (
        STREAM,
        "orders-raw-stream",
        set_("extendedS3Configuration.errorOutputPrefix", None),
        {"firehose-error-prefix"},
    ),
    "tracing: function": (FUNCTION, "get-order-function", set_("tracingConfig", None), {"lambda-tracing-active"}),
    "tracing: workflow": (
        MACHINE,
        "orders-workflow-machine",
        set_("tracingConfiguration.enabled", False),
        {"sfn-tracing"},
    ),
    "tracing: gateway": (
        "aws:apigateway/stage:Stage",
        "orders-api-stage",
        set_("xrayTracingEnabled", False),
        {"apigw-tracing"},
    ),
    "tracing: the function's role": (
        "aws:iam/rolePolicy:RolePolicy",
        "get-order-role",
        in_document("policy", no_tracing),
        {"tracing-permissions"},
    ),
    "tracing: the workflow's role": (
        "aws:iam/rolePolicy:RolePolicy",
        "orders-workflow-role",
        in_document("policy", no_tracing),
        {"tracing-permissions"},
    ),
    "workflow: the wait ends": (
        MACHINE,
        "orders-workflow-machine",
        in_document("definition", lambda d: d["States"]["WaitForCallback"].pop("TimeoutSeconds")),
        {"sfn-callback-timeout", "sfn-definition-valid"},
    ),
    "workflow: the call is retried": (
        MACHINE,
        "orders-workflow-machine",
        in_document("definition", lambda d: d["States"]["CallFunction"].pop("Retry")),
        {"sfn-definition-valid"},
    ),
    "workflow: the answer is cut": (
        MACHINE,
        "orders-workflow-machine",
        in_document("definition", without_pick),
        {"sfn-input-budget"},
    ),
    "workflow: Standard": (MACHINE, "orders-workflow-machine", set_("type", "EXPRESS"), {"sfn-callback-standard"}),
    "POST /orders: Idempotency-Key": (
        API,
        "orders-api-api",
        in_document("body", lambda d: d["paths"]["/orders"]["post"]["parameters"].pop(0)),
        {"apigw-idempotency-key"},
    ),
    "GET: authorisation": (
        API,
        "orders-api-api",
        in_document("body", lambda d: d["paths"]["/orders/{order_id}"]["get"].update(security=[])),
        {"apigw-authorised"},
    ),
    "Pipe: retries": (
        PIPE,
        "orders-raw-pipe",
        set_("sourceParameters.dynamodbStreamParameters.maximumRetryAttempts", -1),
        {"pipes-bounded"},
    ),
    "Pipe: dead letters": (
        PIPE,
        "orders-raw-pipe",
        set_("sourceParameters.dynamodbStreamParameters.deadLetterConfig", None),
        {"pipes-bounded"},
    ),
}


@pytest.fixture(scope="module")
def before(prod: runner.Requests) -> set[tuple[str, str, Level]]:
    return reported(prod)


@pytest.mark.parametrize("setting", MUTATIONS)
def test_a_broken_setting_is_reported_by_exactly_these_rules(
    prod: runner.Requests, before: set[tuple[str, str, Level]], setting: str
) -> None:
    type, name, change, rules = MUTATIONS[setting]
    after = reported(mutated(prod, type, name, change))
    assert {(rule, level) for rule, _, level in after - before} == {(rule, Level.MANDATORY) for rule in rules}
    assert before - after == set()


def test_a_budget_whose_function_was_renamed_is_reported(prod: runner.Requests) -> None:
    def rename(resource: Any) -> Any:
        changed = copy_of(resource)
        if changed.name == "get-order-function":
            changed.name = "read-order-function"
        return changed

    stack = copy_of(prod.stack)
    for resource in stack.resources:
        resource.CopyFrom(rename(resource))
    found = runner.check(RULES, runner.Requests([rename(r) for r in prod.resources], stack), "prod", CONFIG)
    stale = [violation for violation in found if violation.rule == "policy-settings"]
    assert len(stale) == 1
    assert "the budget of get-order-function is of no function in the stack" in stale[0].message
