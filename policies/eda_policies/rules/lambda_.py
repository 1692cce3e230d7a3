"""Rules on Lambda functions: memory, timeout and tracing first."""

import fnmatch
import itertools
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from eda_policies.functions import (
    EVENT_INVOKE_CONFIG,
    EVENT_SOURCE_MAPPING,
    FUNCTION,
    Function,
    asynchronous_callers,
    at_least_once,
    functions,
    routes,
    workflow_calls,
)
from eda_policies.graph import Graph
from eda_policies.iam_document import ROLE, Permissions
from eda_policies.iam_questions import from_outside, services_for_all
from eda_policies.resource import Finding, Findings, Property, Resource, at_least, between, exactly, holds_unknown
from eda_policies.rule import Category, Level, Option, Options, resource_rule, stack_rule
from eda_policies.runtimes import DEPRECATED, SUPPORTED, patched
from eda_policies.secret_values import is_secret

QUEUE = "aws:sqs/queue:Queue"
TABLE = "aws:dynamodb/table:Table"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
PERMISSION = "aws:lambda/permission:Permission"
FUNCTION_URL = "aws:lambda/functionUrl:FunctionUrl"
VISIBILITY_MULTIPLE = 6
DEFAULT_VISIBILITY_SECONDS = 30
_GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg/"
_BUDGET: Mapping[str, Any] = {
    "type": "object",
    "required": ["function"],
    "properties": {
        "function": {"type": "string", "description": "pattern of the function's logical name (`*`, `?`)"},
        "memorySize": {"type": "integer", "minimum": 128, "maximum": 10240, "description": "MB, exactly"},
        "timeout": {"type": "integer", "minimum": 1, "maximum": 900, "description": "seconds, at most"},
        "reservedConcurrency": {"type": "boolean", "description": "whether concurrency has to be reserved"},
    },
}
_BYTES = {"type": "integer", "minimum": 128, "maximum": 10240}
_SECONDS = {"type": "integer", "minimum": 1, "maximum": 900}


def _unused_budgets(graph: Graph, options: Options) -> Findings:
    names = [function.name for function in functions(graph)]
    for budget in options["functionBudgets"]:
        if not any(fnmatch.fnmatchcase(name, budget["function"]) for name in names):
            yield _pack_finding(f"the budget of {budget['function']} is of no function in the stack")


def _budgets_contradict(options: Options) -> str:
    """Budgets that pin nothing, or of which a function could keep to one alone."""
    budgets = options["functionBudgets"]
    for budget in budgets:
        if not {"memorySize", "timeout"} & set(budget) and not budget.get("reservedConcurrency"):
            pinned = ", ".join(name for name in _BUDGET["properties"] if name != "function")
            return f"the budget of {budget['function']} pins nothing; allowed is one or more of {pinned}"
    for one, other in itertools.combinations(budgets, 2):
        names = one["function"], other["function"]
        same = fnmatch.fnmatchcase(*names) or fnmatch.fnmatchcase(*reversed(names))
        sizes = sorted({budget["memorySize"] for budget in (one, other) if "memorySize" in budget})
        if same and len(sizes) > 1:
            return f"{' and '.join(names)} pin the same function to {sizes[0]} and {sizes[1]} MB; allowed is one number"
    return ""


def _pack_finding(found: str) -> Finding:
    return Finding(
        "", "the policy config", found, "budgets that pin a function", False, "Correct its pattern, or take it out."
    )


@resource_rule(
    "lambda-function-budget",
    Function,
    FUNCTION,
    holds="A function that a budget matches has exactly its memory, at most its timeout, and reserved concurrency.",
    why="Memory decides a function's speed and price, its timeout how long a caller waits and what a hang costs.",
    fix="Set memory_size, timeout and reserved_concurrent_executions to the budget's, or change the budget.",
    reference=_GUIDE + "configuration-memory.html",
    category=Category.MISSION,
    essential=True,
    options={
        "functionBudgets": Option.of(
            {"type": "array", "items": _BUDGET, "description": "the functions whose numbers are pinned"}, []
        )
    },
    stale=_unused_budgets,
    contradiction=_budgets_contradict,
)
def function_budget(function: Function, options: Options) -> Findings:
    """Each function matched by a budget keeps to it."""
    for budget in options["functionBudgets"]:
        if not fnmatch.fnmatchcase(function.name, budget["function"]):
            continue
        if "memorySize" in budget:
            memory = budget["memorySize"]
            yield from function.memory_size.require(exactly(memory), f"exactly {memory} MB")
        if "timeout" in budget:
            most = budget["timeout"]
            yield from function.timeout.require(between(1, most), f"at most {most} s")
        if budget.get("reservedConcurrency"):
            yield from function.reserved_concurrency.require(
                lambda reserved: reserved > 0, "a reservation of 1 or more"
            )


@resource_rule(
    "lambda-memory-bounds",
    Function,
    FUNCTION,
    holds="A function's memory is within the environment's bounds.",
    why="Too much memory is paid for in every millisecond; a mistyped zero is noticed on the bill.",
    fix="Set memory_size within the bounds; measure with AWS Lambda Power Tuning before raising them.",
    reference=_GUIDE + "configuration-memory.html",
    category=Category.MISSION,
    essential=True,
    options={
        "minimum": Option.of({**_BYTES, "description": "MB"}, 128),
        "maximum": Option.of({**_BYTES, "description": "MB"}, 3008, dev=2048, sandbox=2048),
    },
)
def memory_bounds(function: Function, options: Options) -> Findings:
    """Memory lies within bounds."""
    low, high = options["minimum"], options["maximum"]
    yield from function.memory_size.require(between(low, high), f"{low} to {high} MB")


@resource_rule(
    "lambda-timeout-bounds",
    Function,
    FUNCTION,
    holds="A function's timeout is within the environment's bounds.",
    why="A function that hangs is paid for, and holds its concurrency, until its timeout.",
    fix="Set timeout within the bounds; let a workflow wait for what takes longer.",
    reference=_GUIDE + "configuration-timeout.html",
    category=Category.MISSION,
    essential=True,
    options={
        "minimum": Option.of({**_SECONDS, "description": "seconds"}, 1),
        "maximum": Option.of({**_SECONDS, "description": "seconds"}, 300),
    },
)
def timeout_bounds(function: Function, options: Options) -> Findings:
    """The timeout lies within bounds."""
    low, high = options["minimum"], options["maximum"]
    yield from function.timeout.require(between(low, high), f"{low} to {high} s")


@stack_rule(
    "lambda-timeout-under-caller",
    holds="A function ends before its caller gives up: the API's integration, the state, the queue's visibility (6 x).",
    why="A caller that gives up first retries work that still runs; a queue hands its message to a second function.",
    fix="Lower the function's timeout, or give its caller more time.",
    reference=_GUIDE + "services-sqs-configure.html",
    category=Category.MISSION,
    essential=True,
)
def timeout_under_caller(graph: Graph, options: Options) -> Findings:
    """Timeouts nest."""
    for route in routes(graph):
        allowed = f"less than the {route.timeout_milliseconds / 1000:g} s that {route.label} waits"
        yield from route.function.timeout.require(partial(_ends_within, route.timeout_milliseconds), allowed)
    for call in workflow_calls(graph):
        if call.timeout_seconds is not None:
            allowed = f"at most the {call.timeout_seconds:g} s of the state {call.state} of {call.machine.name}"
            yield from call.function.timeout.require(between(1, call.timeout_seconds), allowed)
    for mapping in graph.of(EVENT_SOURCE_MAPPING):
        for queue in graph.linked(mapping, "eventSourceArn", QUEUE):
            for function in _functions_of(graph, mapping, "functionName"):
                yield from _visibility(function, queue)


def _ends_within(milliseconds: float, timeout: float) -> bool:
    return timeout * 1000 < milliseconds


def _visibility(function: Function, queue: Resource) -> Findings:
    timeout = function.timeout
    if timeout.value is None:
        yield from timeout.require(lambda _known: True, f"a sixth of the visibility timeout of {queue.name}")
        return
    least = VISIBILITY_MULTIPLE * timeout.value
    yield from queue.number("visibilityTimeoutSeconds", DEFAULT_VISIBILITY_SECONDS).require(
        at_least(least),
        f"{least:g} s or more, 6 x the timeout of {function.name}",
        "Raise visibility_timeout_seconds, or lower the function's timeout.",
    )


@resource_rule(
    "lambda-tracing-active",
    Function,
    FUNCTION,
    holds="A function is traced by X-Ray.",
    why="Without a trace, nobody sees which hop of an event was slow or failed.",
    fix='Set tracing_config={"mode": "Active"}.',
    reference=_GUIDE + "services-xray.html",
    category=Category.MISSION,
    essential=True,
)
def tracing_active(function: Function, options: Options) -> Findings:
    """Tracing is active."""
    yield from function.tracing_mode.require(lambda mode: mode == "Active", "Active")


TRACE_ACTION = "xray:PutTraceSegments"
_TRACING_POLICIES = re.compile(
    r"(AWSXRayDaemonWriteAccess|AWSXrayWriteOnlyAccess|AWSLambdaTracerAccess|AdministratorAccess)"
)
MACHINE = "aws:sfn/stateMachine:StateMachine"


@stack_rule(
    "tracing-permissions",
    holds="The role of a traced function or state machine may write trace segments.",
    why="A traced function whose role may not write segments leaves gaps in every trace, without an error.",
    fix="Allow xray:PutTraceSegments and xray:PutTelemetryRecords on * in the role's policy.",
    reference=_GUIDE + "services-xray.html",
    category=Category.MISSION,
    essential=True,
)
def tracing_permissions(graph: Graph, options: Options) -> Findings:
    """Whoever is traced may write segments."""
    allowed = f"a role of the stack that may {TRACE_ACTION}"
    traced: list[tuple[Resource, str]] = [(f, "role") for f in functions(graph) if f.tracing_mode.value == "Active"]
    traced += [(m, "roleArn") for m in graph.of(MACHINE) if m.flag("tracingConfiguration.enabled").value]
    for resource, path in traced:
        for role in graph.linked(resource, path, ROLE):
            permissions = Permissions(graph, role)
            if permissions.allows(TRACE_ACTION) or any(map(_TRACING_POLICIES.search, permissions.managed)):
                continue
            if permissions.unknown:
                yield resource.undecided(f"what {role.name} may do", allowed)
            else:
                yield resource.finding(f"its role {role.name} may not {TRACE_ACTION}", allowed)


@resource_rule(
    "lambda-runtime-supported",
    Function,
    FUNCTION,
    holds="A function's runtime gets security updates.",
    why="AWS stops patching a deprecated runtime, and some time later refuses to update its functions.",
    fix="Move the function to a runtime of the list; it is that of AWS when the pack was made.",
    reference=_GUIDE + "lambda-runtimes.html",
    category=Category.SECURITY,
    options={
        "runtimes": Option.of(
            {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "description": "the runtimes that are allowed, as long as AWS patches them",
            },
            list(SUPPORTED),
        )
    },
)
def runtime_supported(function: Function, options: Options) -> Findings:
    """The runtime is supported; container images bring their own."""
    if function.packaged_as_image:
        return
    runtimes = [runtime for runtime in options["runtimes"] if patched(runtime, options["today"])]
    runtime = function.text("runtime")
    ended = DEPRECATED.get(runtime.value or "")
    if runtime.value in options["runtimes"] and ended is not None and runtime.value not in runtimes:
        yield function.finding(f"runtime is {runtime.shown}, deprecated on {ended}", ", ".join(runtimes))
    else:
        yield from runtime.require(lambda found: found in runtimes, ", ".join(runtimes))


@resource_rule(
    "lambda-arm64",
    Function,
    FUNCTION,
    holds="A function runs on Graviton.",
    why="arm64 costs a fifth less a millisecond, and most code runs on it unchanged.",
    fix='Set architectures=["arm64"]; build native dependencies for it.',
    reference=_GUIDE + "foundation-arch.html",
    category=Category.COST,
)
def arm64(function: Function, options: Options) -> Findings:
    """The architecture is arm64."""
    yield from function.items("architectures", ["x86_64"]).require(lambda found: list(found) == ["arm64"], "['arm64']")


@stack_rule(
    "lambda-reserved-concurrency",
    holds="A function that callers without AWS credentials reach has reserved concurrency.",
    why="Traffic from outside can take all of the account's concurrency, and with it every other function.",
    fix="Set reserved_concurrent_executions, above the route's burst limit.",
    reference=_GUIDE + "configuration-concurrency.html",
    category=Category.RELIABILITY,
)
def reserved_concurrency(graph: Graph, options: Options) -> Findings:
    """Functions behind public routes are limited, and have what they need."""
    allowed = "a reservation of 1 or more, because {} is public"
    for route in routes(graph):
        reserved = route.function.reserved_concurrency
        if route.public is None and not reserved.unknown and (reserved.value or 0) <= 0:
            yield route.function.undecided(f"who may call it by {route.label}", allowed.format("such a route"))
        elif route.public:
            yield from reserved.require(lambda found: found > 0, allowed.format(route.label))


@stack_rule(
    "lambda-queue-concurrency",
    holds="Queues hand a function with reserved concurrency no more batches at a time than it has instances.",
    why="What Lambda cannot hand over counts as a try: messages end in the dead-letter queue without having been seen.",
    fix="Set scaling_config.maximum_concurrency of the event source mapping, at most the reserved concurrency.",
    reference=_GUIDE + "services-sqs-scaling.html",
    category=Category.RELIABILITY,
)
def queue_concurrency(graph: Graph, options: Options) -> Findings:
    """Mappings of queues stay below the reservation, each and together."""
    together: dict[str, list[float]] = {}
    for mapping in graph.of(EVENT_SOURCE_MAPPING):
        if not graph.linked(mapping, "eventSourceArn", QUEUE):
            continue
        for function in _functions_of(graph, mapping, "functionName"):
            reserved = function.reserved_concurrency
            if reserved.value is None:
                yield from reserved.require(lambda _known: True, f"the maximum concurrency of {mapping.name} or more")
            elif reserved.value >= 0:
                allowed = f"2 to {reserved.value:g}, the reserved concurrency of {function.name}"
                limit = mapping.number("scalingConfig.maximumConcurrency")
                yield from limit.require(between(2, reserved.value), allowed)
                limits = together.setdefault(function.urn, [])
                limits.append(limit.value or 0)
                if max(limits) <= reserved.value < sum(limits):
                    found = f"its {len(limits)} queues hand it {sum(limits):g} batches at a time"
                    yield function.finding(found, f"{reserved.value:g} or fewer, its reserved concurrency")


@stack_rule(
    "lambda-async-failure-destination",
    holds="A function that is invoked asynchronously has a destination for events that fail.",
    why="After two retries Lambda drops an asynchronous event without a trace of it.",
    fix="Add a FunctionEventInvokeConfig with destination_config.on_failure (a queue or a bucket).",
    reference=_GUIDE + "invocation-async-retain-records.html",
    category=Category.RELIABILITY,
)
def async_failure_destination(graph: Graph, options: Options) -> Findings:
    """Failed events are kept."""
    for function in functions(graph):
        callers = asynchronous_callers(graph, function)
        if not callers:
            continue
        configs = [c for c, name in graph.naming(function, EVENT_INVOKE_CONFIG) if name == "functionName"]
        kept = function.text("deadLetterConfig.targetArn").given or any(
            config.text("destinationConfig.onFailure.destination").given for config in configs
        )
        if not kept:
            by = ", ".join(sorted({caller.label for caller in callers}))
            yield function.finding(f"it is invoked by {by} and has no failure destination", "an on-failure destination")


@stack_rule(
    "lambda-own-log-group",
    holds="A function writes to a log group of its own that the stack makes.",
    why="A log group that Lambda makes is kept for ever, without a key, and survives the stack.",
    fix="Make a LogGroup before the function and name it in logging_config.log_group.",
    reference=_GUIDE + "monitoring-cloudwatchlogs-loggroups.html",
    category=Category.OPERATIONS,
)
def own_log_group(graph: Graph, options: Options) -> Findings:
    """Each function has its log group."""
    groups = graph.of(LOG_GROUP)
    users: dict[str, list[Function]] = {}
    for function in functions(graph):
        given = function.text("loggingConfig.logGroup")
        found = graph.linked(function, "loggingConfig.logGroup", LOG_GROUP) if given.given else []
        name = function.text("name").value
        if not given.given and not given.invalid and name is not None:
            found = [group for group in groups if group.text("name").value == f"/aws/lambda/{name}"]
        if given.invalid:
            yield from given.require(lambda _known: True, "a LogGroup of the stack")
        elif not found and given.unknown:
            yield function.undecided("loggingConfig.logGroup", "a LogGroup of the stack")
        elif not found:
            shown = given.shown if given.given else f"'/aws/lambda/{name or '<its name>'}' by default"
            yield function.finding(
                f"its log group is {shown}, which the stack does not make", "a LogGroup of the stack"
            )
        for group in found:
            users.setdefault(group.urn, []).append(function)
    for sharing in users.values():
        if len(sharing) > 1:
            names = " and ".join(function.name for function in sharing)
            yield sharing[0].finding(f"{names} share a log group", "one log group a function")


@stack_rule(
    "lambda-own-role",
    holds="No two functions share a role.",
    why="A shared role may do what any of its functions needs: a flaw in one opens the others' data.",
    fix="Give each function a role with what it alone needs.",
    reference="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
    category=Category.SECURITY,
)
def own_role(graph: Graph, options: Options) -> Findings:
    """Each function has its role."""
    users: dict[str, list[Function]] = {}
    for function in functions(graph):
        roles = [role.urn for role in graph.linked(function, "role", ROLE)]
        for role in roles:
            users.setdefault(role, []).append(function)
        if not roles:
            given = function.text("role")
            yield from given.require(lambda _known: True, "a role of its own")
            users.setdefault(given.value or function.urn, []).append(function)
    for sharing in users.values():
        for function in sharing[1:]:
            yield function.finding(f"it has the role of {sharing[0].name}", "a role of its own")


_WRITES = ("dynamodb:PutItem", "dynamodb:UpdateItem")


@stack_rule(
    "lambda-idempotent-consumer",
    holds="A function that events may reach twice has idempotency settings, and its role may write to a table.",
    why="Queues, streams and asynchronous invocations deliver at least once: without a record, work is done twice.",
    fix="Give IdempotentLambda the argument idempotency, or name the table of your records in one of the variables.",
    reference="https://docs.powertools.aws.dev/lambda/python/latest/utilities/idempotency/",
    category=Category.RELIABILITY,
    options={
        "variables": Option.of(
            {
                "type": "array",
                "items": {"type": "string"},
                "description": "environment variables that hold idempotency settings or name the table of the records",
            },
            [
                "EDA_IDEMPOTENCY",
                "LEDGER_TABLE",
                "ROWS_TABLE",
                "REPLICA_TABLE",
                "IDEMPOTENCY_TABLE",
                "POWERTOOLS_IDEMPOTENCY_TABLE",
            ],
        )
    },
)
def idempotent_consumer(graph: Graph, options: Options) -> Findings:
    """Consumers of at-least-once sources recognise repeats."""
    allowed = f"idempotency settings in one of {', '.join(options['variables'])}"
    for function in functions(graph):
        sources = at_least_once(graph, function)
        if not sources:
            continue
        by = ", ".join(sorted({source.label for source in sources}))
        variables = function.mapping("environment.variables")
        if variables.unknown:
            yield function.undecided("environment.variables", allowed)
            continue
        named = [name for name in options["variables"] if function.anything(f"environment.variables.{name}").given]
        if not named:
            yield function.finding(f"events reach it by {by}, and it has no idempotency settings", allowed)
            continue
        for role in graph.linked(function, "role", ROLE):
            permissions = Permissions(graph, role)
            if any(map(permissions.allows, _WRITES)):
                continue
            if permissions.unknown:
                yield function.undecided(f"what {role.name} may do", f"a role that may {_WRITES[0]}")
            else:
                found = f"it has {named[0]}, but its role {role.name} may not write to a table"
                yield function.finding(found, f"a role that may {' or '.join(_WRITES)} on the table")


@resource_rule(
    "lambda-permission-scoped",
    Resource,
    PERMISSION,
    holds="A service's permission to invoke a function names the source, by ARN or account.",
    why="Without it, anybody's bucket, rule or API in any account may invoke the function through that service.",
    fix="Set source_arn (for S3 source_account as well).",
    reference=_GUIDE + "access-control-resource-based.html",
    category=Category.SECURITY,
    essential=True,
)
def permission_scoped(permission: Resource, options: Options) -> Findings:
    """Permissions name their source."""
    principal = permission.text("principal")
    if principal.unknown:
        yield permission.undecided(principal.path, "a service with a source, or an account")
        return
    shown = f"{principal.path} is {principal.shown} without"
    if principal.value is None:
        yield permission.finding(f"{shown} a principal", "a principal")
        return
    document = _permission_document(permission, principal.value)
    service = principal.value.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    if any(services_for_all(document) if service else from_outside(document)):
        yield permission.finding(f"{shown} a sourceArn or sourceAccount of an account", "a source ARN or account")
    elif principal.value.startswith("s3.") and _owner_open(permission):
        yield permission.finding(f"{shown} sourceAccount, and a bucket's ARN names none", "sourceAccount as well")


def _permission_document(permission: Resource, principal: str) -> dict[str, Any]:
    """The statement that Lambda makes of a permission; what is not known yet is there, and names an account."""
    given = {
        key: {name: "123456789012" if read.unknown else read.value}
        for key, name, read in (
            ("ArnLike", "aws:SourceArn", permission.text("sourceArn")),
            ("StringEquals", "aws:SourceAccount", permission.text("sourceAccount")),
            ("StringEqualsIgnoreCase", "aws:PrincipalOrgID", permission.text("principalOrgId")),
        )
        if read.given
    }
    named = {"Service" if ".amazonaws.com" in principal else "AWS": principal}
    statement = {"Effect": "Allow", "Principal": named, "Action": "lambda:InvokeFunction", "Condition": given}
    return {"Statement": [statement]}


def _owner_open(permission: Resource) -> bool:
    """Whether a bucket of the same name in another account would do: names are free again when a bucket goes."""
    source = permission.text("sourceArn")
    return not permission.text("sourceAccount").given and (source.value or ":::::").split(":")[4:5] == [""]


@resource_rule(
    "lambda-url-authorised",
    Resource,
    FUNCTION_URL,
    holds="A function's URL demands AWS credentials.",
    why="A URL without authorisation is open to everybody who learns it, without throttling.",
    fix='Set authorization_type="AWS_IAM", or put an API with authorisation before the function.',
    reference=_GUIDE + "urls-auth.html",
    category=Category.SECURITY,
    essential=True,
)
def url_authorised(url: Resource, options: Options) -> Findings:
    """URLs are authorised."""
    yield from url.text("authorizationType").require(lambda found: found == "AWS_IAM", "AWS_IAM")


@resource_rule(
    "lambda-env-no-secret",
    Function,
    FUNCTION,
    holds="No environment variable of a function holds a secret.",
    why="Everybody who may read the function's configuration reads its variables, and they end up in logs.",
    fix="Keep the secret in Secrets Manager or Parameter Store and give the function its ARN.",
    reference=_GUIDE + "configuration-envvars-encryption.html",
    category=Category.SECURITY,
    essential=True,
)
def env_no_secret(function: Function, options: Options) -> Findings:
    """Variables hold no secrets."""
    allowed = "the ARN or name of a secret, never the secret"
    variables = function.mapping("environment.variables")
    if variables.unknown:
        yield function.undecided(variables.path, allowed)
    unknown = []
    for name in variables.value or ():
        path = ("environment", "variables", name)
        found: Property[object] = function.member("environment.variables", name)
        if function.is_secret(path) or (found.given and not found.unknown and is_secret(name, found.value)):
            yield function.finding(f"the variable {name} holds a secret", allowed)
        elif found.unknown or holds_unknown(found.value):
            unknown.append(name)
    if unknown:
        yield function.undecided(f"environment.variables ({', '.join(unknown)})", allowed)


@resource_rule(
    "lambda-code-signing",
    Function,
    FUNCTION,
    holds="A function runs only code that was signed.",
    why="Signing shows that what runs is what the build made.",
    fix="Make a SigningProfile and a CodeSigningConfig and set code_signing_config_arn.",
    reference=_GUIDE + "configuration-codesigning.html",
    category=Category.SECURITY,
    only_in=("prod",),
    special_levels={"prod": Level.ADVISORY},
)
def code_signing(function: Function, options: Options) -> Findings:
    """Code is signed; images are signed in their registry."""
    if not function.packaged_as_image:
        yield from function.text("codeSigningConfigArn").require_given("the ARN of a code signing configuration")


def _functions_of(graph: Graph, resource: Resource, path: str) -> Iterator[Function]:
    urns = {found.urn for found in graph.linked(resource, path, FUNCTION)}
    return (function for function in functions(graph) if function.urn in urns)
