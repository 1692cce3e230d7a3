"""Lambda functions in the stack's graph, and who calls them."""

from collections.abc import Iterator
from dataclasses import dataclass

from eda_policies import openapi, states_language
from eda_policies.graph import Graph
from eda_policies.resource import Property, Resource

FUNCTION = "aws:lambda/function:Function"
EVENT_SOURCE_MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
EVENT_INVOKE_CONFIG = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
REST_API = "aws:apigateway/restApi:RestApi"
METHOD = "aws:apigateway/method:Method"
INTEGRATION = "aws:apigateway/integration:Integration"
HTTP_API = "aws:apigatewayv2/api:Api"
HTTP_INTEGRATION = "aws:apigatewayv2/integration:Integration"
HTTP_ROUTE = "aws:apigatewayv2/route:Route"
MACHINE = "aws:sfn/stateMachine:StateMachine"
_ASYNCHRONOUS: dict[str, str] = {
    "aws:cloudwatch/eventTarget:EventTarget": "arn",
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": "destinationArn",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "alarmActions",
    "aws:iot/topicRule:TopicRule": "lambdas",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": "destinationConfig",
    "aws:s3/bucketNotification:BucketNotification": "lambdaFunctions",
    "aws:scheduler/schedule:Schedule": "target",
    "aws:ses/receiptRule:ReceiptRule": "lambdaActions",
    "aws:sns/topicSubscription:TopicSubscription": "endpoint",
}
"""What invokes asynchronously, and the property that names the function."""
PIPE = "aws:pipes/pipe:Pipe"
_INVOCATION = "targetParameters.lambdaFunctionParameters.invocationType"
_URL = "aws:lambda/functionUrl:FunctionUrl"


class Function(Resource):
    """A Lambda function; what is not set reads as AWS's default."""

    @property
    def memory_size(self) -> Property[float]:
        """MB."""
        return self.number("memorySize", 128)

    @property
    def timeout(self) -> Property[float]:
        """Seconds."""
        return self.number("timeout", 3)

    @property
    def reserved_concurrency(self) -> Property[float]:
        """Instances; -1 for none reserved."""
        return self.number("reservedConcurrentExecutions", -1)

    @property
    def tracing_mode(self) -> Property[str]:
        """``Active`` or ``PassThrough``."""
        return self.text("tracingConfig.mode", "PassThrough")

    @property
    def packaged_as_image(self) -> bool:
        """Whether it is a container image."""
        return self.text("packageType", "Zip").value == "Image"


def functions(graph: Graph) -> list[Function]:
    """The stack's functions."""
    return graph.views(Function, FUNCTION)


@dataclass(frozen=True)
class Route:
    """A way from outside to a function.

    Attributes:
        function: the function.
        label: the route as a reader names it.
        timeout_milliseconds: how long the gateway waits; the most it may where that is unknown.
        public: whether callers need no AWS credentials; None where that is unknown.
    """

    function: Function
    label: str
    timeout_milliseconds: float
    public: bool | None


def routes(graph: Graph) -> Iterator[Route]:
    """All ways from outside to a function of the stack."""
    by_urn = {function.urn: function for function in functions(graph)}
    for api in graph.of(REST_API):
        private = "PRIVATE" in str(api.anything("endpointConfiguration.types").value)
        document = api.document("body")
        if document.unknown:
            for found in graph.linked(api, "body", FUNCTION):
                yield Route(by_urn[found.urn], f"a route of {api.name}", openapi.DEFAULT_TIMEOUT_MILLISECONDS, None)
        for operation in openapi.operations(document.value or {}):
            for found in graph.named(str(operation.integration.get("uri", "")), FUNCTION):
                known = not private and not operation.signed
                yield Route(by_urn[found.urn], operation.route, operation.timeout_milliseconds, known)
        for name, uri in openapi.authorizers(document.value or {}):
            for found in graph.named(uri, FUNCTION):
                # It is asked before anybody is known.
                label = f"the authoriser {name} of {api.name}"
                yield Route(by_urn[found.urn], label, openapi.DEFAULT_TIMEOUT_MILLISECONDS, not private)
    for integration in graph.of(INTEGRATION):
        waits = integration.number("timeoutMilliseconds", openapi.DEFAULT_TIMEOUT_MILLISECONDS)
        for found in graph.linked(integration, "uri", FUNCTION):
            methods = [m for m in graph.of(METHOD) if _same_method(graph, m, integration)]
            public = _any_open(methods, "authorization")
            yield Route(by_urn[found.urn], integration.name, _milliseconds(waits, 29_000), public)
    for integration in graph.of(HTTP_INTEGRATION):
        waits = integration.number("timeoutMilliseconds", openapi.HTTP_TIMEOUT_MILLISECONDS)
        for found in graph.linked(integration, "integrationUri", FUNCTION):
            calling = [r for r, name in graph.naming(integration, HTTP_ROUTE) if name == "target"]
            public = _any_open(calling, "authorizationType")
            yield Route(
                by_urn[found.urn], integration.name, _milliseconds(waits, openapi.HTTP_TIMEOUT_MILLISECONDS), public
            )
    for api in graph.of(HTTP_API):
        document = api.document("body")
        for operation in openapi.operations(document.value or {}, http_api=True):
            for found in graph.named(str(operation.integration.get("uri", "")), FUNCTION):
                most = operation.timeout_milliseconds
                yield Route(by_urn[found.urn], operation.route, most, not operation.signed)
        for found in graph.linked(api, "target", FUNCTION):
            yield Route(by_urn[found.urn], f"the target of {api.name}", openapi.HTTP_TIMEOUT_MILLISECONDS, True)
    for url in graph.of(_URL):
        for found in graph.linked(url, "functionName", FUNCTION):
            # A URL waits as long as its function runs.
            yield Route(by_urn[found.urn], url.name, float("inf"), _any_open([url], "authorizationType"))


def _any_open(resources: list[Resource], path: str) -> bool | None:
    found = [resource.text(path, "NONE") for resource in resources]
    if any(p.value is not None and p.value != "AWS_IAM" for p in found):
        return True
    return None if not found or any(p.unknown for p in found) else False


def _milliseconds(waits: Property[float], most: float) -> float:
    return waits.value if waits.value is not None else most


def _same_method(graph: Graph, method: Resource, integration: Resource) -> bool:
    return all(_same(graph, method, integration, path) for path in ("resourceId", "httpMethod"))


def _same(graph: Graph, one: Resource, other: Resource, path: str) -> bool:
    values = one.text(path), other.text(path)
    if values[0].value is not None and values[1].value is not None:
        return values[0].value == values[1].value
    linked = [{found.urn for found in graph.linked(resource, path)} for resource in (one, other)]
    # An integration usually takes its method from the Method itself.
    return bool(linked[0] & linked[1]) or one.urn in linked[1]


@dataclass(frozen=True)
class WorkflowCall:
    """A state that calls a function.

    Attributes:
        function: the function.
        machine: the state machine.
        state: the state's name.
        timeout_seconds: of the state; None when it has none, or it comes from the input.
    """

    function: Function
    machine: Resource
    state: str
    timeout_seconds: float | None


def workflow_calls(graph: Graph) -> Iterator[WorkflowCall]:
    """All states that call a function of the stack; those of an unknown definition are not known."""
    by_urn = {function.urn: function for function in functions(graph)}
    for machine in graph.of(MACHINE):
        definition = machine.document("definition").value or {}
        for state in states_language.states(definition):
            if not state.calls_function:
                continue
            target = str(state.arguments.get("FunctionName") or state.resource)
            seconds = state.data.get("TimeoutSeconds")
            known = seconds if isinstance(seconds, int | float) and not isinstance(seconds, bool) else None
            for found in graph.named(target, FUNCTION):
                yield WorkflowCall(by_urn[found.urn], machine, state.name, known)


def asynchronous_callers(graph: Graph, function: Function) -> list[Resource]:
    """What invokes a function asynchronously."""
    callers = graph.naming(function, *_ASYNCHRONOUS)
    found = [caller for caller, name in callers if _ASYNCHRONOUS[caller.type] == name]
    return found + [
        pipe
        for pipe, name in graph.naming(function, PIPE)
        if name == "target" and pipe.text(_INVOCATION).value == "FIRE_AND_FORGET"
    ]


def at_least_once(graph: Graph, function: Function) -> list[Resource]:
    """What hands a function its events at least once: what invokes it asynchronously, mappings, and Pipes."""
    found = asynchronous_callers(graph, function)
    found += [m for m, name in graph.naming(function, EVENT_SOURCE_MAPPING) if name == "functionName"]
    pipes = [pipe for pipe, name in graph.naming(function, PIPE) if name in ("target", "enrichment")]
    return found + [pipe for pipe in pipes if pipe not in found]
