"""Rules on API Gateway."""

from eda_policies import openapi
from eda_policies.functions import HTTP_API, HTTP_INTEGRATION, HTTP_ROUTE, INTEGRATION, METHOD, REST_API
from eda_policies.graph import Graph
from eda_policies.resource import Findings, Property, Resource
from eda_policies.rule import Category, Options, resource_rule, stack_rule

STAGE = "aws:apigateway/stage:Stage"
METHOD_SETTINGS = "aws:apigateway/methodSettings:MethodSettings"
VALIDATOR = "aws:apigateway/requestValidator:RequestValidator"
HTTP_STAGE = "aws:apigatewayv2/stage:Stage"
DOMAIN = "aws:apigateway/domainName:DomainName"
HTTP_DOMAIN = "aws:apigatewayv2/domainName:DomainName"
_GUIDE = "https://docs.aws.amazon.com/apigateway/latest/developerguide/"


class Api(Resource):
    """A REST or HTTP API."""

    @property
    def operations(self) -> list[openapi.Operation]:
        """The operations of a document that is known."""
        return list(openapi.operations(self.document("body").value or {}, self.type == HTTP_API))

    def known(self) -> Findings:
        """Report a document that is unknown or none; an API without one has methods of its own."""
        body = self.document("body")
        if body.given or body.invalid:
            yield from body.require(lambda _known: True, "an OpenAPI document")


@resource_rule(
    "apigw-tracing",
    Resource,
    STAGE,
    holds="A stage of a REST API is traced by X-Ray.",
    why="The gateway's segment is a trace's first: without it latency before the function is not seen.",
    fix="Set xray_tracing_enabled=True.",
    reference=_GUIDE + "apigateway-xray.html",
    category=Category.MISSION,
    essential=True,
)
def tracing(stage: Resource, options: Options) -> Findings:
    """Tracing is on."""
    yield from stage.flag("xrayTracingEnabled", False).require(lambda on: on, "true")


@stack_rule(
    "apigw-authorised",
    holds="Every route demands authorisation, by a scheme that API Gateway knows; of a WebSocket API its $connect.",
    why="A route that is open is called by everybody, at the account's cost. A security scheme without "
    "x-amazon-apigateway-authtype (HTTP bearer, OAuth 2, API keys in other headers) is ignored: the route is open.",
    fix="Set the operation's security (sigv4, Cognito, an authoriser or an API key), or the method's authorization.",
    reference=_GUIDE + "apigateway-control-access-to-api.html",
    category=Category.SECURITY,
    essential=True,
)
def authorised(graph: Graph, options: Options) -> Findings:
    """No route is open."""
    allowed = "a security scheme that API Gateway knows for every operation"
    for api in graph.views(Api, REST_API, HTTP_API):
        yield from api.known()
        for operation in api.operations:
            if operation.open:
                yield api.finding(f"{operation.route} is open to everybody", allowed)
        if api.type == HTTP_API and api.text("target").given:
            yield api.finding("its target makes a route that is open to everybody", "routes with an authoriser")
    allowed = "AWS_IAM, an authoriser or Cognito"
    for method in graph.of(METHOD):
        if method.text("httpMethod").value != "OPTIONS" and not method.flag("apiKeyRequired").value:
            yield from method.text("authorization", "NONE").require(_authorises, allowed)
    for route in graph.of(HTTP_ROUTE):
        if _decides(graph, route):
            yield from route.text("authorizationType", "NONE").require(_authorises, allowed)


def _authorises(found: str) -> bool:
    return found.upper() not in ("NONE", "")


def _decides(graph: Graph, route: Resource) -> bool:
    """Whether a route may demand authorisation: of a WebSocket API it is asked for where a client connects alone."""
    key = route.text("routeKey").value or ""
    sockets = [api for api in graph.linked(route, "apiId", HTTP_API) if api.text("protocolType").value == "WEBSOCKET"]
    if sockets or (key.startswith("$") and key not in ("$default", "$connect")):
        return key == "$connect"
    return " " in key or key in ("$default", "$connect") or not key


@resource_rule(
    "apigw-access-logs",
    Resource,
    STAGE,
    HTTP_STAGE,
    holds="A stage writes access logs.",
    why="They alone show requests that never reached a function: refused, throttled, malformed.",
    fix="Set access_log_settings with a destination_arn and a JSON format.",
    reference=_GUIDE + "set-up-logging.html",
    category=Category.OPERATIONS,
)
def access_logs(stage: Resource, options: Options) -> Findings:
    """Requests are logged, with their ids."""
    yield from stage.text("accessLogSettings.destinationArn").require_given("the ARN of a log group or stream")
    yield from stage.text("accessLogSettings.format").require(
        lambda found: "$context.requestId" in found or "$context.extendedRequestId" in found,
        "a format with $context.requestId",
    )


@stack_rule(
    "apigw-throttled",
    holds="A stage throttles all of its routes.",
    why="The default is the account's limit: one API can take it all, and everything behind it is flooded.",
    fix='Add MethodSettings for "*/*" with throttling_rate_limit and throttling_burst_limit.',
    reference=_GUIDE + "api-gateway-request-throttling.html",
    category=Category.RELIABILITY,
)
def throttled(graph: Graph, options: Options) -> Findings:
    """Stages are throttled."""
    allowed = "a rate and a burst limit above 0 for all routes"
    keys = ("throttlingRateLimit", "throttlingBurstLimit")
    for stage in graph.of(STAGE):
        settings = [found for found in graph.of(METHOD_SETTINGS) if _of_stage(graph, found, stage)]
        if not any(found.text("methodPath").value == "*/*" for found in settings):
            yield stage.finding("no MethodSettings throttle */*", allowed)
        for found in settings:
            for key in keys:
                # -1 is the provider's word for none; it takes the limit of all routes from one.
                yield from found.number(f"settings.{key}", -1).require(lambda limit: limit > 0, allowed)
    for stage in graph.of(HTTP_STAGE):
        for key in keys:
            yield from stage.number(f"defaultRouteSettings.{key}", 0).require(lambda limit: limit > 0, allowed)
            for route in stage.each("routeSettings"):
                limit = route.number(key)
                if limit.given or limit.invalid:
                    yield from limit.require(lambda limit: limit > 0, allowed)


def _of_stage(graph: Graph, settings: Resource, stage: Resource) -> bool:
    """Whether settings are of a stage: they name it by its output, or by the same text for the same API."""
    if stage in graph.linked(settings, "stageName", STAGE):
        return True
    names = settings.text("stageName"), stage.text("stageName")
    if names[0].value is None or names[0].value != names[1].value:
        return False
    apis = settings.text("restApi"), stage.text("restApi")
    linked = [{found.urn for found in graph.linked(resource, "restApi", REST_API)} for resource in (settings, stage)]
    return bool(linked[0] & linked[1]) or (apis[0].value is not None and apis[0].value == apis[1].value)


@resource_rule(
    "apigw-request-validation",
    Api,
    REST_API,
    METHOD,
    VALIDATOR,
    holds="Requests are validated before anything is called: their body by a schema, and what they must carry.",
    why="What the gateway refuses costs nothing, and a workflow never starts on what it cannot work with.",
    fix="Set x-amazon-apigateway-request-validator to a validator of body and parameters, or request_validator_id.",
    reference=_GUIDE + "api-gateway-method-request-validation.html",
    category=Category.RELIABILITY,
)
def request_validation(api: Api, options: Options) -> Findings:
    """Validators are on."""
    if api.type == VALIDATOR:
        flags = [api.flag(f"validateRequest{part}", False) for part in ("Body", "Parameters")]
        if not any(flag.value or flag.unknown for flag in flags):
            yield api.finding("it validates nothing", "validateRequestBody or validateRequestParameters true")
        return
    if api.type == METHOD:
        if api.text("httpMethod").value not in ("OPTIONS", "GET", "HEAD", "DELETE"):
            yield from api.text("requestValidatorId").require_given("a RequestValidator")
            yield from api.mapping("requestModels").require_given("a model of the body")
        return
    yield from api.known()
    for operation in api.operations:
        validator = operation.validator
        body, parameters = validator.get("validateRequestBody"), validator.get("validateRequestParameters")
        # The gateway knows one spelling of a header, so what looks at headers must be whatever is behind it.
        parameters = parameters is True or bool(operation.headers)
        if not parameters or (operation.takes_body and body is not True):
            what = "body and parameters" if operation.takes_body else "parameters"
            yield api.finding(f"{operation.route} does not validate {what}", f"a validator of {what}")
        elif operation.takes_body and not operation.has_schema:
            yield api.finding(f"{operation.route} has no schema for its body", "a requestBody with a schema")


HEADER = "Idempotency-Key"


@stack_rule(
    "apigw-idempotency-key",
    holds="A route that starts a workflow demands an Idempotency-Key.",
    why="A client that repeats a request whose answer it did not get starts a second workflow.",
    fix="Declare the header as a required parameter of the operation, look for it in the mapping template whatever its "
    "case (a validator of parameters knows one spelling), and derive the execution's name from it.",
    reference="https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/",
    category=Category.RELIABILITY,
    essential=True,
)
def idempotency_key(graph: Graph, options: Options) -> Findings:
    """Workflows start once for each key."""
    allowed = f"a required header {HEADER}"
    for api in graph.views(Api, REST_API):
        body = api.document("body")
        if body.unknown and graph.linked(api, "body", "aws:sfn/stateMachine:StateMachine"):
            yield api.undecided("body", allowed)
        for operation in api.operations:
            if operation.starts_workflow and not operation.headers.get(HEADER.lower()):
                yield api.finding(f"{operation.route} starts a workflow without the header", allowed)
    for integration in graph.of(INTEGRATION):
        uri = integration.text("uri").value or ""
        methods = [method for method in graph.linked(integration, "httpMethod", METHOD) if "states:action/Start" in uri]
        for method in methods:
            header = method.member("requestParameters", f"method.request.header.{HEADER}")
            if header.value is not True:
                yield method.finding("it starts a workflow without the header", allowed)
    for integration in graph.of(HTTP_INTEGRATION):
        subtype = integration.text("integrationSubtype")
        if (subtype.value or "").startswith("StepFunctions-Start"):
            name: Property[object] = integration.member("requestParameters", "Name")
            if not name.unknown and HEADER.lower() not in str(name.value).lower():
                yield integration.finding(
                    "it starts executions whose Name is not the key",
                    f"requestParameters.Name of $request.header.{HEADER}",
                    f"Set request_parameters Name to $request.header.{HEADER}.",
                )


@resource_rule(
    "apigw-tls",
    Resource,
    DOMAIN,
    HTTP_DOMAIN,
    holds="A custom domain takes TLS 1.2 or newer alone.",
    why="Older versions can be read and changed on the way.",
    fix='Set security_policy="TLS_1_2" or a policy of TLS 1.3.',
    reference=_GUIDE + "apigateway-custom-domain-tls-version.html",
    category=Category.SECURITY,
)
def tls(domain: Resource, options: Options) -> Findings:
    """TLS is new."""
    key = "securityPolicy" if domain.type == DOMAIN else "domainNameConfiguration.securityPolicy"
    yield from domain.text(key).require(
        lambda found: found == "TLS_1_2" or found.startswith(("SecurityPolicy_TLS13", "SecurityPolicy_TLS12")),
        "TLS_1_2",
    )
