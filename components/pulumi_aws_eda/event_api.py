"""A REST API whose routes are answered by functions, start workflows or store requests, from one OpenAPI document."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi
import pulumi_aws as aws
from eda_runtime.request_limits import CORRELATION_ID, IDEMPOTENCY_KEY
from eda_runtime.stage_variables import MAXIMUM_REQUEST_BYTES

from pulumi_aws_eda import archives
from pulumi_aws_eda._parts import access, arns, keys, logs, program, tables
from pulumi_aws_eda._parts.api import admission, openapi, paths, request_template, store_first
from pulumi_aws_eda._parts.api.authorizers import (
    SCHEMES,
    Authorization,
    JwtAuthorizerArgs,
    LambdaAuthorizerArgs,
    check_authorization,
    security_schemes,
)
from pulumi_aws_eda._parts.api.cors import Cors, CorsArgs, cors
from pulumi_aws_eda._parts.api.domain import DomainArgs, check_domain, domain
from pulumi_aws_eda._parts.api.store_first import EventBusRouteArgs, QueueRouteArgs
from pulumi_aws_eda._parts.args import ArgumentError, check, number, takes_keywords
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import physical_name
from pulumi_aws_eda._parts.observability import alarms
from pulumi_aws_eda.callback_workflow import EXECUTION_STATEMENTS
from pulumi_aws_eda.idempotent_lambda import IdempotentLambda, IdempotentLambdaArgs

_ROUTE = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/[^ ]*)")
_STAGE = re.compile(r"[A-Za-z0-9_-]{1,128}")
MOST_REQUEST_BYTES = 10_485_760
"""Of a body (API Gateway's quotas)."""
_ANY_OBJECT = {"type": "object"}
_HEADERS = {
    "Idempotency-Key": {"pattern": f"^{IDEMPOTENCY_KEY}$"},
    "X-Correlation-Id": {"pattern": f"^{CORRELATION_ID}$"},
    "traceparent": dict[str, str](),
}
"""Headers of a route that starts a workflow, and their forms."""
ACCESS_LOG_FORMAT = {
    "request_id": "$context.requestId",
    "extended_request_id": "$context.extendedRequestId",
    "xray_trace_id": "$context.xrayTraceId",
    "time": "$context.requestTime",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "integration_status": "$context.integrationStatus",
    "latency": "$context.responseLatency",
    "error": "$context.error.responseType",
}


class FunctionRouteArgs(TypedDict):
    """A function answers the route."""

    function_name: pulumi.Input[str]
    """The function's name; the API gets the permission to invoke it."""
    invoke_arn: pulumi.Input[str]
    """The function's invoke ARN."""


class WorkflowRouteArgs(TypedDict):
    """The route starts a workflow: API Gateway itself, by an Express machine that admits each request once."""

    state_machine_arn: pulumi.Input[str]
    """The Standard machine; an execution's name is the id of the row."""
    table_name: pulumi.Input[str]
    """The table of the rows."""
    table_arn: pulumi.Input[str]
    """The table's ARN."""
    table_kms_key_arn: NotRequired[pulumi.Input[str]]
    """The table's customer managed key; default: the API's ``kms_key_arn``."""
    location: str
    """Path of the resource that a request makes, with ``{id}``, for example ``/orders/{id}``; the answer refers to it
    relative to the request, so that a client gets there by the stage's URL and by a custom domain. Other parameters are
    those of the route, at the same place."""
    key: NotRequired[str]
    """The table's partition key, a string; default ``order_id``."""


class RouteArgs(TypedDict):
    """One route: a function, a workflow, a queue or a bus."""

    function: NotRequired[FunctionRouteArgs]
    """The function that answers."""
    workflow: NotRequired[WorkflowRouteArgs]
    """The workflow that is started; the route demands an ``Idempotency-Key`` header (1 to 255 characters of printable
    ASCII, quoted or bare) and takes ``X-Correlation-Id`` (1 to 128 visible ASCII characters; default: the id) and
    ``traceparent``, by their names in any case. Its body has at most 8,000 characters and 32 levels; its numbers
    are doubles: whole ones have at most 15 digits, others 17 and two of exponent."""
    queue: NotRequired[QueueRouteArgs]
    """The queue that each request is put into, as ``{"id", "tenant", "payload", "envelope"}``. Headers, limits and
    answers are those of a workflow's route, but that the answer is ``{"id": …}`` without a ``Location``. A request is
    stored once by its ``Idempotency-Key``; one that comes twice at once, or whose answer got lost within, may be stored
    twice under one ``id``, so readers of a standard queue are idempotent by it (``key_jmespath``)."""
    event_bus: NotRequired[EventBusRouteArgs]
    """The bus that each request is put on, as an event with the same in its ``detail``; otherwise as ``queue``."""
    request_schema: NotRequired[Mapping[str, Any]]
    """JSON schema (draft 4, as API Gateway validates) of the request's body; default: of a function anything, of all
    others any object. One of these whose schema has no ``number`` takes no fraction and no exponent: ``1.0`` and
    ``1e2`` are no ``integer``."""
    throttling_rate_limit: NotRequired[int]
    """Requests a second on this route, 1 to 10000; default: the API's."""
    throttling_burst_limit: NotRequired[int]
    """Requests at once on this route, 1 to 5000; keep it below the function's reserved concurrency, so that callers are
    told to come again (429) before the function is throttled; default: the API's."""


class EventApiArgs(TypedDict):
    """Arguments of EventApi."""

    routes: Mapping[str, RouteArgs]
    """By method and path, for example ``GET /orders/{order_id}``. A path's parts have letters, digits and ``._:-``."""
    authorization: NotRequired[Authorization]
    """Who may call; default ``AWS_IAM``. Rows and idempotency keys belong to a tenant: with ``AWS_IAM`` an account's
    users are one tenant all together, and so is everybody who assumes a role, under whatever session name; the users
    of a Cognito identity pool assume one. Where users must not see each other's data, take ``COGNITO``."""
    user_pool_arns: NotRequired[Sequence[pulumi.Input[str]]]
    """Cognito user pools; needed for ``COGNITO``."""
    jwt_authorizer: NotRequired[JwtAuthorizerArgs]
    """Which tokens are taken; needed for ``JWT``. A function verifies them: REST APIs have no authoriser for them."""
    lambda_authorizer: NotRequired[LambdaAuthorizerArgs]
    """The function that decides; needed for ``LAMBDA``."""
    cors: NotRequired[CorsArgs]
    """Which web pages of other origins may use the API; default: none. The gateway answers their preflights;
    functions with ``eda_runtime`` add the headers to their answers, others have to do so themselves."""
    domain: NotRequired[DomainArgs]
    """A domain of one's own; default: none."""
    stage_name: NotRequired[str]
    """The stage's name, 1 to 128 letters, digits, ``_`` and ``-``; default ``v1``."""
    maximum_request_bytes: NotRequired[int]
    """The longest body in bytes, 1 to 10485760 (API Gateway's quota), above which the answer is 413; default: the
    gateway's, and for a workflow 8,000 characters in any case. Functions with ``eda_runtime`` refuse what is longer
    before their handler runs; others have to do so themselves. Lambda takes about 6 MB."""
    throttling_rate_limit: NotRequired[int]
    """Requests a second over all routes, 1 to 10000 (API Gateway quota); default 100."""
    throttling_burst_limit: NotRequired[int]
    """Requests at once, 1 to 5000 (API Gateway quota); default 50."""
    log_retention_in_days: NotRequired[pulumi.Input[int]]
    """Days the logs are kept; default 30."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key for the logs; default: the service's own."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the roles' permissions boundary; default none."""
    deletion_protection: NotRequired[bool]
    """Whether the table of the keys of routes that store requests refuses to be deleted and replaced, by Pulumi's
    ``protect`` and by DynamoDB; default false."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that the alarms notify; default none."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every child."""


class EventApi(pulumi.ComponentResource):
    """A regional REST API from one OpenAPI document: routes to functions and routes that start workflows, request
    validation, ``application/problem+json`` for every error, access logs, X-Ray, throttling and authorisation.

    The account-wide role with which API Gateway writes logs belongs to the account and is not made here.

    Args:
        name: logical name.
        args: see ``EventApiArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an argument is unknown, missing or out of bounds.
    """

    url: pulumi.Output[str]
    """The stage's URL."""
    domain_url: pulumi.Output[str | None]
    """The URL by the domain of one's own, of an API that has one."""
    domain_target_name: pulumi.Output[str | None]
    """What the domain's DNS record is an alias of."""
    domain_target_zone_id: pulumi.Output[str | None]
    """The zone of that, for a record of Route 53."""
    rest_api_id: pulumi.Output[str]
    """The API's id."""
    stage_name: pulumi.Output[str]
    """The stage's name."""
    execution_arn: pulumi.Output[str]
    """ARN prefix for ``execute-api:Invoke`` policies."""
    document: pulumi.Output[str]
    """The OpenAPI document."""
    log_group_name: pulumi.Output[str]
    """The access log."""
    api_key_value: pulumi.Output[str | None]
    """The API key (a secret), for ``API_KEY``."""
    observed: pulumi.Output[Mapping[str, Sequence[str]]]
    """What an ``Observability`` shows of it: names by kind."""

    @overload
    def __init__(self, name: str, args: EventApiArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[EventApiArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: EventApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        component = f"EventApi {name!r}"
        args = program.with_defaults(args, EventApiArgs)
        authorization = check_authorization(component, args)
        rate = number(component, args, "throttling_rate_limit", 100, 1, 10000)
        burst = number(component, args, "throttling_burst_limit", 50, 1, 5000)
        pages = cors(component, args.get("cors"))
        check_domain(component, args.get("domain"))
        stage_name = args.get("stage_name", "v1")
        if not _STAGE.fullmatch(stage_name):
            problem = f"is {stage_name!r}; it must be 1 to 128 letters, digits, _ and -"
            raise ArgumentError(component, "stage_name", problem)
        max_bytes = None
        if args.get("maximum_request_bytes") is not None:
            max_bytes = number(component, args, "maximum_request_bytes", 1, 1, MOST_REQUEST_BYTES)
        _check_routes(component, args["routes"])
        super().__init__("aws-eda:index:EventApi", name, {}, opts)
        common = Common.of(self, name, args, opts)
        name = common.name

        self._admissions: dict[str, aws.sfn.StateMachine] = {}
        self._held_keys: aws.dynamodb.Table | None = None
        if any(kind in settings for settings in args["routes"].values() for kind in store_first.KINDS):
            self._held_keys = tables.table(common, "keys", store_first.KEY, ttl=store_first.EXPIRES)
        preflights = _preflights(args["routes"]) if pages is not None else {}
        ids = paths.operation_ids([*args["routes"], *preflights])
        self._slugs = paths.slugs(args["routes"])
        operations = {
            route: self._operation(common, route, ids[route], settings, authorization, pages, max_bytes)
            for route, settings in args["routes"].items()
        }
        for route, methods in preflights.items():
            if pages is not None:
                made = pages.preflight(ids[route], _path_parameters(_split(route)[1]), methods)
                operations[route] = pulumi.Output.from_input(made)
        verifier = None
        if authorization is Authorization.JWT:
            verifier = _verifier(common, args["jwt_authorizer"])
        self.document = pulumi.Output.json_dumps(
            {
                "openapi": "3.0.1",
                "info": {"title": physical_name(name, 128), "version": "1"},
                "paths": _by_path(operations),
                "components": {
                    "schemas": {"Problem": openapi.PROBLEM_SCHEMA},
                    "securitySchemes": security_schemes(
                        authorization, args, None if verifier is None else verifier.invoke_arn
                    ),
                },
                "x-amazon-apigateway-request-validators": {
                    "all": {"validateRequestBody": True, "validateRequestParameters": True},
                    "body": {"validateRequestBody": True, "validateRequestParameters": False},
                },
                "x-amazon-apigateway-gateway-responses": openapi.gateway_responses(
                    pages.gateway_headers if pages is not None else None,
                    denies_tokens=authorization is Authorization.JWT,
                ),
            },
            # Routes and schemas are maps, whose order means nothing and is lost on the way from other languages.
            sort_keys=True,
        )
        self.rest_api = aws.apigateway.RestApi(
            f"{name}-api",
            name=physical_name(name, 128),
            body=self.document,
            endpoint_configuration={"types": "REGIONAL"},
            tags=common.tags,
            opts=common.opts(),
        )
        deployment = aws.apigateway.Deployment(
            f"{name}-deployment",
            rest_api=self.rest_api.id,
            triggers={"document": self.document.apply(lambda text: hashlib.sha256(text.encode()).hexdigest())},
            opts=common.opts(),
        )
        log_group = logs.log_group(common, "access-log", f"/aws/apigateway/{physical_name(name, 128)}")
        self.stage = aws.apigateway.Stage(
            f"{name}-stage",
            rest_api=self.rest_api.id,
            deployment=deployment.id,
            stage_name=stage_name,
            variables=_variables(pages, max_bytes),
            xray_tracing_enabled=True,
            access_log_settings=aws.apigateway.StageAccessLogSettingsArgs(
                destination_arn=log_group.arn, format=json.dumps(ACCESS_LOG_FORMAT)
            ),
            tags=common.tags,
            opts=common.opts(),
        )
        aws.apigateway.MethodSettings(
            f"{name}-settings",
            rest_api=self.rest_api.id,
            stage_name=self.stage.stage_name,
            method_path="*/*",
            settings={"throttling_rate_limit": rate, "throttling_burst_limit": burst},
            opts=common.opts(),
        )
        for route, settings in args["routes"].items():
            method, path = _split(route)
            if "throttling_rate_limit" in settings or "throttling_burst_limit" in settings:
                aws.apigateway.MethodSettings(
                    f"{name}-{self._slugs[route]}-settings",
                    rest_api=self.rest_api.id,
                    stage_name=self.stage.stage_name,
                    method_path=paths.method_path(method, path),
                    settings={
                        "throttling_rate_limit": settings.get("throttling_rate_limit", rate),
                        "throttling_burst_limit": settings.get("throttling_burst_limit", burst),
                    },
                    opts=common.opts(),
                )
        for function_name, routes in _by_function(args["routes"]):
            # One statement a function: its policy takes 20,480 bytes (Lambda quotas), which some 55 statements are.
            aws.lambda_.Permission(
                f"{name}-{self._slugs[routes[0]]}",
                action="lambda:InvokeFunction",
                function=function_name,
                principal="apigateway.amazonaws.com",
                source_arn=pulumi.Output.concat(
                    self.rest_api.execution_arn,
                    f"/{stage_name}/",
                    paths.invocation([_split(route) for route in routes]),
                ),
                opts=common.opts(),
            )
        asked = args["lambda_authorizer"]["function_name"] if authorization is Authorization.LAMBDA else None
        if verifier is not None:
            asked = verifier.function_name
        if asked is not None:
            aws.lambda_.Permission(
                f"{name}-authorizer",
                action="lambda:InvokeFunction",
                function=asked,
                principal="apigateway.amazonaws.com",
                # The authoriser's id is not known of one that a document makes.
                source_arn=pulumi.Output.concat(self.rest_api.execution_arn, "/authorizers/*"),
                opts=common.opts(),
            )
        none: pulumi.Output[str | None] = pulumi.Output.from_input(None)
        self.domain_url = self.domain_target_name = self.domain_target_zone_id = none
        own = args.get("domain")
        if own is not None:
            at = domain(common, own, self.rest_api.id, self.stage)
            path = f"/{own['base_path']}" if own.get("base_path") else ""
            self.domain_url = pulumi.Output.concat("https://", at.domain_name, path).apply(lambda url: url)
            self.domain_target_name = at.regional_domain_name.apply(lambda target: target)
            self.domain_target_zone_id = at.regional_zone_id.apply(lambda zone: zone)
        self.api_key_value = none
        if authorization is Authorization.API_KEY:
            self.api_key_value = self._usage_plan(common, rate, burst)
        alarms.alarm(
            common,
            "server-errors",
            namespace="AWS/ApiGateway",
            metric="5XXError",
            dimensions={"ApiName": self.rest_api.name, "Stage": stage_name},
            description=f"{name}: the API answered with a server error",
        )
        common.watch("apis", self.rest_api.name)
        self.url = self.stage.invoke_url
        self.rest_api_id = self.rest_api.id
        self.stage_name = self.stage.stage_name
        self.execution_arn = self.rest_api.execution_arn
        self.log_group_name = log_group.name
        self.observed = common.observed(*([verifier.observed] if verifier is not None else []))
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})

    def _operation(
        self,
        common: Common,
        route: str,
        operation_id: str,
        settings: RouteArgs,
        authorization: Authorization,
        pages: Cors | None,
        max_bytes: int | None,
    ) -> pulumi.Output[dict[str, Any]]:
        method, path = _split(route)
        parameters = _path_parameters(path)
        schema = settings.get("request_schema")
        validator = "all"
        security = [] if authorization is Authorization.NONE else [{SCHEMES[authorization]: list[str]()}]
        if "function" in settings:
            statuses = (
                [200, 304, 400, 403, 404, 409, 413, 415, 422, 429, 503, 504]
                if method == "GET"
                else [
                    202,
                    400,
                    403,
                    404,
                    409,
                    413,
                    415,
                    422,
                    429,
                    503,
                    504,
                ]
            )
            integration = pulumi.Output.from_input(settings["function"]["invoke_arn"]).apply(openapi.lambda_integration)
        else:
            statuses = [202, 400, 403, 413, 415, 422, 429, 503, 504]
            # The template finds headers by their names in any case, the gateway's own check by this one spelling.
            validator = "body"
            # The machine takes JSON, which nobody has checked of a body without a schema.
            schema = schema or _ANY_OBJECT
            parameters += [
                {
                    "name": header,
                    "in": "header",
                    "required": header == "Idempotency-Key",
                    "schema": {"type": "string", **form},
                }
                for header, form in _HEADERS.items()
            ]
            integration = self._admitted(common, route, settings, authorization, schema, pages, max_bytes)
        return integration.apply(
            lambda found: openapi.operation(operation_id, found, parameters, security, schema, statuses, validator)
        )

    def _admitted(
        self,
        common: Common,
        route: str,
        settings: RouteArgs,
        authorization: Authorization,
        schema: Mapping[str, Any],
        pages: Cors | None,
        max_bytes: int | None,
    ) -> pulumi.Output[dict[str, Any]]:
        slug = f"{self._slugs[route]}-admission"
        name = f"{common.name}-{slug}"
        log_group = logs.log_group(common, f"{slug}-log", f"/aws/vendedlogs/states/{physical_name(name, 80)}")
        definition, needs, location = (
            _starting(common, route, name, settings["workflow"], log_group)
            if "workflow" in settings
            else _storing(common, route, self._slugs[route], name, settings, log_group, self._held_keys)
        )
        log_stream = aws.cloudwatch.LogStream(
            f"{name}-requests", name=admission.LOG_STREAM, log_group_name=log_group.name, opts=common.opts()
        )
        role, policy = access.role(
            common,
            slug,
            "states.amazonaws.com",
            {
                "WriteRequests": {"actions": ["logs:PutLogEvents"], "resources": [log_stream.arn]},
                **needs,
                **EXECUTION_STATEMENTS,
            },
        )
        machine = aws.sfn.StateMachine(
            f"{name}-machine",
            name=physical_name(name, 80),
            type="EXPRESS",
            role_arn=role.arn,
            definition=definition,
            logging_configuration=aws.sfn.StateMachineLoggingConfigurationArgs(
                level="ERROR", include_execution_data=False, log_destination=pulumi.Output.concat(log_group.arn, ":*")
            ),
            tracing_configuration={"enabled": True},
            tags=common.tags,
            opts=common.opts(depends_on=[policy]),
        )
        self._admissions[route] = machine
        refused = "the client got a 5xx and may send the request again"
        alarms.state_machine(common, machine.arn, name, refused, f"{slug}-", "admission-failures")
        common.watch("state_machines", machine.arn)
        caller, _ = access.role(
            common,
            f"{self._slugs[route]}-caller",
            "apigateway.amazonaws.com",
            {"Admit": {"actions": ["states:StartSyncExecution"], "resources": [machine.arn]}},
            source_account=False,
        )
        action = arns.service_action(common, "apigateway", "states:action/StartSyncExecution")
        tenant = request_template.TENANTS[authorization.value]
        apart = request_template.KEYS.get(authorization.value, "")
        answering = pages.template if pages is not None else ""
        return pulumi.Output.all(action, caller.arn, machine.arn).apply(
            lambda known: openapi.workflow_integration(
                known[0],
                known[1],
                request_template.request_template(known[2], tenant, schema, max_bytes, apart, location is None),
                location,
                answering,
            )
        )

    def _usage_plan(self, common: Common, rate: int, burst: int) -> pulumi.Output[str | None]:
        key = aws.apigateway.ApiKey(
            f"{common.name}-key", name=physical_name(common.name, 128), tags=common.tags, opts=common.opts()
        )
        plan = aws.apigateway.UsagePlan(
            f"{common.name}-plan",
            name=physical_name(common.name, 128),
            api_stages=[aws.apigateway.UsagePlanApiStageArgs(api_id=self.rest_api.id, stage=self.stage.stage_name)],
            throttle_settings={"rate_limit": rate, "burst_limit": burst},
            tags=common.tags,
            opts=common.opts(),
        )
        aws.apigateway.UsagePlanKey(
            f"{common.name}-plan-key",
            key_id=key.id,
            key_type="API_KEY",
            usage_plan_id=plan.id,
            opts=common.opts(),
        )
        return key.value.apply(lambda value: value)


def _verifier(common: Common, given: JwtAuthorizerArgs) -> IdempotentLambda:
    """The function that verifies tokens."""
    args: IdempotentLambdaArgs = {
        "code": archives.function_archive("jwt_authorizer"),
        "description": f"Verifies callers' tokens: {common.name}",
        "memory_size": 256,
        "timeout": 10,
        "environment": {
            "ISSUER": given["issuer"],
            "AUDIENCE": json.dumps(list(given["audience"])),
            **({"JWKS_URI": given["jwks_uri"]} if given.get("jwks_uri") else {}),
        },
    }
    if given.get("reserved_concurrent_executions") is not None:
        args["reserved_concurrent_executions"] = given["reserved_concurrent_executions"]
    return IdempotentLambda(f"{common.name}-authorizer", common.nested(args), common.opts())


_Admission = tuple[pulumi.Output[str], dict[str, Mapping[str, Any]], str | None]
"""A machine's definition, what its role needs, and the reference to what a request makes."""


def _starting(
    common: Common, route: str, name: str, workflow: WorkflowRouteArgs, log_group: aws.cloudwatch.LogGroup
) -> _Admission:
    definition = admission.definition(
        partition=arns.partition(common),
        service=name,
        table_name=workflow["table_name"],
        key=workflow.get("key", "order_id"),
        state_machine_arn=workflow["state_machine_arn"],
        log_group_name=log_group.name,
    )
    admit = _admit(workflow["table_arn"], workflow.get("table_kms_key_arn"))
    start = {"actions": ["states:StartExecution"], "resources": [workflow["state_machine_arn"]]}
    return definition, {"Admit": admit, "Start": start}, paths.reference(_split(route)[1], workflow["location"])


def _storing(
    common: Common,
    route: str,
    slug: str,
    name: str,
    settings: RouteArgs,
    log_group: aws.cloudwatch.LogGroup,
    held_keys: aws.dynamodb.Table | None,
) -> _Admission:
    assert held_keys is not None  # an API with such a route has it
    given: Mapping[str, Any] = settings
    kind = next(kind for kind in store_first.KINDS if kind in given)
    store = store_first.store_of(f"{common.component}, routes[{route!r}].{kind}", kind, given[kind])
    definition = admission.storing_definition(
        partition=arns.partition(common),
        service=name,
        route=slug,
        table_name=held_keys.name,
        key=store_first.KEY,
        expires=store_first.EXPIRES,
        retention_days=store.retention_days,
        resource=store.resource,
        parameters=store.parameters,
        log_group_name=log_group.name,
    )
    return definition, {"Admit": _admit(held_keys.arn, None), "Send": store.statement}, None


def _admit(table_arn: pulumi.Input[str], key_arn: pulumi.Input[str] | None) -> dict[str, Any]:
    actions = ["dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:UpdateItem"]
    return {"actions": actions, "resources": [table_arn], **keys.given(key_arn)}


def _variables(pages: Cors | None, max_bytes: int | None) -> dict[str, str] | None:
    """What functions behind the API have to know."""
    found = {} if max_bytes is None else {MAXIMUM_REQUEST_BYTES: str(max_bytes)}
    return found | (pages.variables if pages is not None else {}) or None


def _preflights(routes: Mapping[str, RouteArgs]) -> dict[str, list[str]]:
    """The routes that answer preflights, and the methods of each path."""
    found: dict[str, list[str]] = {}
    for route in sorted(routes):
        method, path = _split(route)
        found.setdefault(f"OPTIONS {path}", []).append(method)
    return found


def _path_parameters(path: str) -> list[Mapping[str, Any]]:
    return [
        {"name": found, "in": "path", "required": True, "schema": {"type": "string"}}
        for found in paths.parameters(path)
    ]


def _check_routes(component: str, routes: Mapping[str, RouteArgs]) -> None:
    if not routes:
        raise ArgumentError(component, "routes", "is empty")
    for route, settings in routes.items():
        argument = f"routes[{route!r}]"
        if not _ROUTE.fullmatch(route):
            raise ArgumentError(component, argument, "is no method and path, such as 'GET /orders/{order_id}'")
        problem = paths.problem(_split(route)[1])
        if problem is not None:
            raise ArgumentError(component, argument, problem)
        check(f"{component}, {argument}", settings, RouteArgs)
        number(f"{component}, {argument}", settings, "throttling_rate_limit", 1, 1, 10000)
        number(f"{component}, {argument}", settings, "throttling_burst_limit", 1, 1, 5000)
        kinds = [kind for kind in ("function", "workflow", *store_first.KINDS) if kind in settings]
        if len(kinds) != 1:
            raise ArgumentError(component, argument, "needs one of function, workflow, queue and event_bus")
        if kinds[0] in store_first.KINDS:
            given: Mapping[str, Any] = settings
            store_first.check_store(f"{component}, {argument}.{kinds[0]}", kinds[0], given[kinds[0]])
        elif "function" in settings:
            check(f"{component}, {argument}.function", settings["function"], FunctionRouteArgs)
        else:
            check(f"{component}, {argument}.workflow", settings["workflow"], WorkflowRouteArgs)
            problem = paths.location_problem(_split(route)[1], settings["workflow"]["location"])
            if problem is not None:
                raise ArgumentError(component, f"{argument}.workflow.location", problem)
    apart = paths.siblings([_split(route)[1] for route in routes])
    if apart is not None:
        problem = f"has {apart[0]} and {apart[1]}; API Gateway takes one parameter in a place"
        raise ArgumentError(component, "routes", problem)


def _by_path(operations: Mapping[str, pulumi.Output[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for route, operation in operations.items():
        method, path = _split(route)
        found.setdefault(path, {})[method.lower()] = operation
    return found


def _by_function(routes: Mapping[str, RouteArgs]) -> list[tuple[pulumi.Input[str], list[str]]]:
    """The functions, and the routes of each. Which outputs are the same function's is known of the same output alone:
    another one is taken for another function, which gets a permission more."""
    found: dict[object, tuple[pulumi.Input[str], list[str]]] = {}
    for route, settings in sorted(routes.items()):
        if "function" in settings:
            function_name = settings["function"]["function_name"]
            known: object = function_name if isinstance(function_name, str) else id(function_name)
            found.setdefault(known, (function_name, []))[1].append(route)
    return list(found.values())


def _split(route: str) -> tuple[str, str]:
    method, path = route.split(" ")
    return method, path
