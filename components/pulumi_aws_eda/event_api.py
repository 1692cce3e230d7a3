"""A REST API whose routes are answered by functions, start workflows or store requests, from one OpenAPI document."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi
import pulumi_aws as aws
from eda_runtime.request_limits import CORRELATION_ID, IDEMPOTENCY_KEY

from pulumi_aws_eda._parts import access, arns, keys, logs, program, tables
from pulumi_aws_eda._parts.api import admission, openapi, paths, request_template, store_first
from pulumi_aws_eda._parts.api.store_first import EventBusRouteArgs, QueueRouteArgs
from pulumi_aws_eda._parts.args import ArgumentError, check, number, one_of, takes_keywords
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import physical_name
from pulumi_aws_eda._parts.observability import alarms
from pulumi_aws_eda.callback_workflow import EXECUTION_STATEMENTS

_ROUTE = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/[^ ]*)")
STAGE = "v1"
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


class Authorization(Enum):
    """Who may call the API."""

    AWS_IAM = "AWS_IAM"
    """Callers with AWS credentials whose policies allow ``execute-api:Invoke``."""
    COGNITO = "COGNITO"
    """Users of Cognito user pools, by their ID token."""
    API_KEY = "API_KEY"
    """Callers with an API key of the usage plan."""
    NONE = "NONE"
    """Everybody."""


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
        authorization: Authorization = one_of(component, args, "authorization", Authorization, Authorization.AWS_IAM)
        rate = number(component, args, "throttling_rate_limit", 100, 1, 10000)
        burst = number(component, args, "throttling_burst_limit", 50, 1, 5000)
        pools = args.get("user_pool_arns")
        if authorization is Authorization.COGNITO and not pools:
            raise ArgumentError(component, "user_pool_arns", "is missing; COGNITO needs it")
        _check_routes(component, args["routes"])
        super().__init__("aws-eda:index:EventApi", name, {}, opts)
        common = Common.of(self, name, args, opts)
        name = common.name

        self._admissions: dict[str, aws.sfn.StateMachine] = {}
        self._held_keys: aws.dynamodb.Table | None = None
        if any(kind in settings for settings in args["routes"].values() for kind in store_first.KINDS):
            self._held_keys = tables.table(common, "keys", store_first.KEY, ttl=store_first.EXPIRES)
        ids = paths.operation_ids(args["routes"])
        operations = {
            route: self._operation(common, route, ids[route], settings, authorization)
            for route, settings in args["routes"].items()
        }
        self.document = pulumi.Output.json_dumps(
            {
                "openapi": "3.0.1",
                "info": {"title": physical_name(name, 128), "version": "1"},
                "paths": _by_path(operations),
                "components": {
                    "schemas": {"Problem": openapi.PROBLEM_SCHEMA},
                    "securitySchemes": _security_schemes(authorization, pools),
                },
                "x-amazon-apigateway-request-validators": {
                    "all": {"validateRequestBody": True, "validateRequestParameters": True},
                    "body": {"validateRequestBody": True, "validateRequestParameters": False},
                },
                "x-amazon-apigateway-gateway-responses": openapi.gateway_responses(),
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
            stage_name=STAGE,
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
                    f"{name}-{paths.slug(route)}-settings",
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
                f"{name}-{paths.slug(routes[0])}",
                action="lambda:InvokeFunction",
                function=function_name,
                principal="apigateway.amazonaws.com",
                source_arn=pulumi.Output.concat(
                    self.rest_api.execution_arn, f"/{STAGE}/", paths.invocation([_split(route) for route in routes])
                ),
                opts=common.opts(),
            )
        none: pulumi.Output[str | None] = pulumi.Output.from_input(None)
        self.api_key_value = none
        if authorization is Authorization.API_KEY:
            self.api_key_value = self._usage_plan(common, rate, burst)
        alarms.alarm(
            common,
            "server-errors",
            namespace="AWS/ApiGateway",
            metric="5XXError",
            dimensions={"ApiName": self.rest_api.name, "Stage": STAGE},
            description=f"{name}: the API answered with a server error",
        )
        common.watch("apis", self.rest_api.name)
        self.url = self.stage.invoke_url
        self.rest_api_id = self.rest_api.id
        self.stage_name = self.stage.stage_name
        self.execution_arn = self.rest_api.execution_arn
        self.log_group_name = log_group.name
        self.observed = common.observed()
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})

    def _operation(
        self, common: Common, route: str, operation_id: str, settings: RouteArgs, authorization: Authorization
    ) -> pulumi.Output[dict[str, Any]]:
        method, path = _split(route)
        parameters: list[Mapping[str, Any]] = [
            {"name": found, "in": "path", "required": True, "schema": {"type": "string"}}
            for found in paths.parameters(path)
        ]
        schema = settings.get("request_schema")
        validator = "all"
        security = [] if authorization is Authorization.NONE else [{_SCHEMES[authorization]: list[str]()}]
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
            integration = self._admitted(common, route, settings, authorization, schema)
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
    ) -> pulumi.Output[dict[str, Any]]:
        slug = f"{paths.slug(route)}-admission"
        name = f"{common.name}-{slug}"
        log_group = logs.log_group(common, f"{slug}-log", f"/aws/vendedlogs/states/{physical_name(name, 80)}")
        definition, needs, location = (
            _starting(common, route, name, settings["workflow"], log_group)
            if "workflow" in settings
            else _storing(common, route, name, settings, log_group, self._held_keys)
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
            f"{paths.slug(route)}-caller",
            "apigateway.amazonaws.com",
            {"Admit": {"actions": ["states:StartSyncExecution"], "resources": [machine.arn]}},
            source_account=False,
        )
        action = arns.service_action(common, "apigateway", "states:action/StartSyncExecution")
        tenant = request_template.TENANTS[authorization.value]
        return pulumi.Output.all(action, caller.arn, machine.arn).apply(
            lambda known: openapi.workflow_integration(known[0], known[1], known[2], location, tenant, schema)
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
        route=paths.slug(route),
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


_SCHEMES = {
    Authorization.AWS_IAM: "sigv4",
    Authorization.COGNITO: "cognito",
    Authorization.API_KEY: "api_key",
}


def _security_schemes(authorization: Authorization, pools: Sequence[pulumi.Input[str]] | None) -> dict[str, Any]:
    match authorization:
        case Authorization.AWS_IAM:
            scheme: dict[str, Any] = {"name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4"}
        case Authorization.COGNITO:
            scheme = {
                "name": "Authorization",
                "x-amazon-apigateway-authtype": "cognito_user_pools",
                "x-amazon-apigateway-authorizer": {"type": "cognito_user_pools", "providerARNs": list(pools or ())},
            }
        case Authorization.API_KEY:
            scheme = {"name": "x-api-key"}
        case Authorization.NONE:
            return {}
    return {_SCHEMES[authorization]: {"type": "apiKey", "in": "header", **scheme}}


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
