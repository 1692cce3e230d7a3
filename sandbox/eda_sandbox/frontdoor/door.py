"""The sandbox's one port: every request of every client and of every service goes through here."""

import asyncio
import contextvars
import logging
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from eda_sandbox.foundation import tracing
from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import EXECUTE_API, ROOT_KEY, Cloud, service_model
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.foundation.policies import keys as condition_keys
from eda_sandbox.foundation.service import Service
from eda_sandbox.foundation.transport import ConnectionLost
from eda_sandbox.frontdoor import (
    api_models,
    authorization,
    item_access,
    limits,
    log_answers,
    managed_policies,
    object_access,
    offered,
    parameter_keys,
    passed_roles,
    resource_documents,
    secret_answers,
    shapes,
)
from eda_sandbox.frontdoor.asked import Asked
from eda_sandbox.frontdoor.dynamodb import descriptions as dynamodb_descriptions
from eda_sandbox.frontdoor.dynamodb import execution as dynamodb_execution
from eda_sandbox.frontdoor.dynamodb import stream_records
from eda_sandbox.frontdoor.emulator import Emulator
from eda_sandbox.frontdoor.faults import FaultKind, FaultLayer, error_response, query_error
from eda_sandbox.frontdoor.key_access import LOG_GROUP_KEYS, KeyAccess
from eda_sandbox.frontdoor.kinesis import shards as kinesis_shards
from eda_sandbox.frontdoor.message_traces import mark_messages
from eda_sandbox.frontdoor.missing_objects import OPERATIONS as MISSING
from eda_sandbox.frontdoor.missing_objects import check_listing
from eda_sandbox.frontdoor.partial_failures import PartialFailure
from eda_sandbox.frontdoor.permissions import asked_here, check
from eda_sandbox.frontdoor.receives import soon_visible
from eda_sandbox.frontdoor.refusals import Refusals, naming
from eda_sandbox.frontdoor.request_tags import tag_keys
from eda_sandbox.frontdoor.resource_policies import SERVICES as WITH_RESOURCE_POLICIES
from eda_sandbox.frontdoor.resource_policies import ResourcePolicies
from eda_sandbox.frontdoor.rest_routes import rest_routes
from eda_sandbox.frontdoor.s3 import operations as s3_operations
from eda_sandbox.frontdoor.s3_events import OBSERVED, S3Events
from eda_sandbox.frontdoor.sns import handlers as sns_handlers
from eda_sandbox.frontdoor.sqs import handlers as sqs_handlers
from eda_sandbox.frontdoor.stream_access import SERVICE as TABLE_STREAMS
from eda_sandbox.frontdoor.stream_access import TARGET as TABLE_STREAMS_TARGET
from eda_sandbox.frontdoor.stream_access import StreamAccess
from eda_sandbox.frontdoor.topic_deliveries import TopicDeliveries
from eda_sandbox.frontdoor.wire import Wire

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]

SIGNING_NAMES = {"states": "stepfunctions", "monitoring": "cloudwatch"}
"""boto3's names of services that sign by another one."""
USER_POOLS, USER_POOLS_TARGET = "cognito-idp", "AWSCognitoIdentityProviderService."
EMULATORS_OWN = ("/_ministack/", "/.well-known/")
"""Paths of what is no operation of a service: the emulator's start, and user pools' keys."""
EMULATOR_SECONDS = 5
"""How often the front door looks whether the embedded AWS has ended while it waits for the emulator."""
MAX_EMULATOR_SECONDS = 60
"""How long the emulator may take; a long poll of a queue takes 20 seconds."""
ANSWERS_AT_ONCE = {
    "cloudwatch",
    "dynamodb",
    TABLE_STREAMS,
    "iam",
    "kinesis",
    "kms",
    "logs",
    "s3",
    "secretsmanager",
    "sqs",
    "ssm",
    "sts",
}
"""Services of the emulator that wait for nothing: they work on the caller's thread."""
WAITS = {"ReceiveMessage", "StartLiveTail", "SubscribeToShard"}
"""The operations of these that wait all the same."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """A request and what came of it.

    Attributes:
        at: when it came, seconds since the epoch.
        seconds: how long it took.
        service: boto3's name of the service; empty where unknown.
        operation: as the API model spells it; of a REST API method, stage and path.
        request: as it came.
        response: as it went; None where the connection was broken instead.
    """

    at: float
    seconds: float
    service: str
    operation: str
    request: HttpRequest
    response: HttpResponse | None


class FrontDoor:
    """Hands our services' requests to our services, all others to the emulator behind.

    Args:
        cloud: the embedded AWS.
        behind: the emulator's ASGI application.
        loop: where the emulator waits for what takes time; it runs.
        faults: asked for every call.

    Attributes:
        refusals: the requests that were refused for want of a permission.
    """

    def __init__(self, cloud: Cloud, behind: Asgi, loop: asyncio.AbstractEventLoop, faults: FaultLayer) -> None:
        self._cloud = cloud
        self._behind = behind
        self._faults = faults
        self.refusals = Refusals()
        self._streams = StreamAccess(cloud.region)
        self._loop = loop
        self._closed = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._emulator = Emulator(cloud.endpoint, self._forward)
        dynamodb_descriptions.install()
        dynamodb_execution.install()
        stream_records.install()
        kinesis_shards.install()
        sns_handlers.install()
        sqs_handlers.install(cloud.clock)
        api_models.install()
        s3_operations.install()
        object_access.install()
        item_access.install()
        managed_policies.install()
        parameter_keys.install()
        secret_answers.install()
        log_answers.install()
        self._policies = ResourcePolicies(cloud, self._emulator)
        self._keys = KeyAccess(cloud, self._emulator)
        cloud.why_not_decrypt, cloud.key_of = self._keys.why_not_decrypt, self._keys.key_of
        self._s3_events = S3Events(cloud, self._emulator)
        self._topics = TopicDeliveries(cloud)
        self._topics.start()
        mark_messages()
        # botocore takes the bucket out of an operation's path when a client first calls it: the paths are read before.
        rest_routes("s3")
        self.observer: Callable[[Call], None] | None = None
        """Told of every call when it has ended, on the thread that served it; None while nobody watches."""

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer a request, on the caller's thread.

        Raises:
            ConnectionLost: the fault layer breaks the connection, or the front door is closed.
        """
        if self._closed.is_set():
            raise ConnectionLost("the embedded AWS has ended")
        service, operation = self._target(request)
        observer = self.observer
        if observer is None:
            return self._isolated(service, operation, request)
        begin, response = time.time(), None
        try:
            response = self._isolated(service, operation, request)
            return response
        finally:
            observer(Call(begin, time.time() - begin, service, operation, request, response))

    def _isolated(self, service: str, operation: str, request: HttpRequest) -> HttpResponse:
        """What a request pins for the evaluation of its policies is not seen by the one that made it."""
        context, unknown = contextvars.copy_context(), list[str]()
        context.run(condition_keys.UNKNOWN.set, unknown)
        context.run(condition_keys.REQUEST.set, request)
        response = context.run(
            tracing.carried(request.header(tracing.HEADER), self._with_faults), service, operation, request
        )
        self.refusals.note(response)
        return naming(response, unknown) if unknown else response

    def close(self) -> None:
        """Let go of the threads, and answer nobody any more."""
        self._closed.set()
        self._topics.close()

    def _target(self, request: HttpRequest) -> tuple[str, str]:
        """boto3's name of the service that is meant, and the operation; empty where unknown."""
        if request.path.startswith(EXECUTE_API):
            return "execute-api", f"{request.method} {request.path.removeprefix(EXECUTE_API)}"
        gateway: Any = self._cloud.services.get("apigateway")
        if gateway is not None and gateway.has_domain(request.header("host")):
            return "execute-api", f"{request.method} {request.path}"
        found = authorization.region_and_service(request)
        if found is None:
            return _unsigned(request)
        service = SIGNING_NAMES.get(found[1], found[1])
        if (request.header("x-amz-target") or "").startswith(TABLE_STREAMS_TARGET):
            service = TABLE_STREAMS
        return service, _operation(service, request)

    def _with_faults(self, service: str, operation: str, request: HttpRequest) -> HttpResponse:
        fault = self._faults.decide(service, operation, request)
        if fault is None:
            return self._serve(service, operation, request)
        error = fault.answer(service, operation)
        if error is not None:
            return error
        if fault.kind is FaultKind.DELAY:
            self._closed.wait(fault.seconds)
        if fault.kind is FaultKind.LOST_REQUEST:
            # Who streams the answer looks at the head alone, and would take it for a success.
            raise ConnectionLost("the request was lost")
        if fault.kind is FaultKind.PARTIAL:
            partial = PartialFailure(self._faults, fault.code)
            if service in self._cloud.services:
                return self._answer(self._cloud.service(service), request, partial)
            return partial.forward(service, operation, request, lambda spared: self._serve(service, operation, spared))
        unseen = request
        if (service, operation) == ("sqs", "ReceiveMessage"):
            unseen = soon_visible(request, self._emulator, self._cloud.clock)
        if fault.kind is FaultKind.DUPLICATE:
            self._serve(service, operation, unseen)
            if service == "execute-api":
                self._faults.unheard.append(request)
        lost = fault.kind is FaultKind.LOST_ANSWER
        response = self._serve(service, operation, unseen if lost else request)
        if lost:
            raise ConnectionLost("the answer was lost", response if response.status < 300 else None)
        return response

    def _serve(self, service: str, operation: str, request: HttpRequest) -> HttpResponse:
        if service == "execute-api":
            handled: HttpResponse = self._cloud.service("apigateway").handle(request)
            return handled
        ours = self._cloud.services.get(service)
        if ours is not None and not (ours.leaves_rest and ours.operation(operation) is None):
            return self._answer(ours, request)
        request = shapes.without_nulls(request)
        try:
            if service:
                offered.check(service, operation, request)
            if service == TABLE_STREAMS:
                return self._read_stream(operation, request)
            limits.check(service, operation, request)
        except offered.NotOffered as error:
            return offered.answer(error, request)
        except AwsError as error:
            return _refusal(service, error, request)
        key = authorization.access_key(request)
        own_name = key != ROOT_KEY and self._cloud.principal_of(key) is not None
        here = asked_here(service, operation) and not own_name
        try:
            if own_name and service in WITH_RESOURCE_POLICIES:
                self._policies.check(service, operation, request)
            elif here and key != ROOT_KEY:
                check(self._cloud, service, operation, request)
            roles = passed_roles.of_request(service, operation, request)
            if roles and not own_name:
                authorization.check(request, service, roles, self._cloud.region)
            if service == "logs" and operation in LOG_GROUP_KEYS:
                return self._keys.change_log_group(operation, request)
            self._keys.check(service, operation, request)
            response = self._ask(service, operation, self._as_root(request, always=here))
            if service == "s3":
                self._keys.check_object(operation, request, response)
                if operation in MISSING:
                    check_listing(self._cloud, self._emulator, _labels(request), request, response)
        except AwsError as error:
            return error_response(service, error.code, error.status or 403, error.message)
        if service == "s3" and operation in OBSERVED and response.status < 300:
            self._observe(operation, request, response)
        return response

    def _observe(self, operation: str, request: HttpRequest, response: HttpResponse) -> None:
        try:
            self._s3_events.observe(operation, _labels(request), request, response)
        except Exception:
            log.exception("the events of s3:%s are lost", operation)

    def _read_stream(self, operation: str, request: HttpRequest) -> HttpResponse:
        try:
            admitted_request, arn = self._streams.admit(operation, request)
            if operation == "GetRecords":
                self._keys.check_stream(arn, request)
        except AwsError as error:
            return _wire(TABLE_STREAMS).error(error)
        answer = self._ask(TABLE_STREAMS, operation, self._as_root(admitted_request, always=True))
        return self._streams.seal(arn, answer)

    def _answer(self, service: Service, request: HttpRequest, partial: PartialFailure | None = None) -> HttpResponse:
        """One call of one of our services: route, authorize, parse, do, write."""
        wire = _wire(service.name)
        request_id = str(uuid.uuid4())
        headers = [("x-amzn-requestid", request_id)]
        try:
            operation, labels = wire.route(request)
            service.offered.check_operation(operation)
            method = service.operation(operation)
            assert method is not None, f"{service.name} says that it offers {operation}, and has no method for it"
            values = wire.parse(operation, labels, request)
            service.offered.check(operation, values)
            caller = replace(self._caller(service, operation, values, request), request_id=request_id)
            resource_documents.check_own(service.name, operation, values)
            if partial is None:
                answer = method(values, caller)
            else:
                answer = partial.call(service.name, operation, values, lambda spared: method(spared, caller))
            response = wire.response(operation, answer)
        except AwsError as error:
            response = wire.error(error)
        except ParamValidationError as error:
            # What the caller gave is handed on, and is nothing that another service takes.
            response = wire.error(AwsError(service.offered.code, str(error).replace("\n", " "), 400))
        except (BotoCoreError, ClientError) as error:
            # Another service that this one needs did not serve it; its own retries are over.
            log.info("%s: %s", service.name, error)
            response = wire.error(AwsError("InternalFailure", f"the service could not do its work: {error}", 500))
        except Exception as error:
            log.exception("%s failed", service.name)
            response = wire.error(AwsError("InternalFailure", f"the sandbox failed: {error!r}", 500))
        return HttpResponse(response.status, [*headers, *response.headers], response.body)

    def _caller(self, service: Service, operation: str, values: dict[str, Any], request: HttpRequest) -> Caller:
        key = authorization.access_key(request)
        known = self._cloud.principal_of(key)
        if known is not None:
            return Caller(key, known[0], self._cloud.account, known[0], known[1])
        action, tags = service.iam_action(operation), tag_keys(values)
        asked = [Asked(action, arn, tags) for arn in service.resource_arns(operation, values)]
        asked += passed_roles.of_service(service, operation, values)
        signing_name = self._cloud.signing_name(service.name)
        return authorization.authorize(request, signing_name, asked, self._cloud.region)

    def _as_root(self, request: HttpRequest, *, always: bool = False) -> HttpRequest:
        """A service that calls in its own name has no credentials of the emulator's; it trusts its root. So it does,
        with ``always``, for who was checked here."""
        key = authorization.access_key(request)
        if not always and self._cloud.principal_of(key) is None:
            return request
        headers = [
            (name, value.replace(key, ROOT_KEY) if name == "authorization" else value)
            for name, value in request.headers
            if name != "x-amz-security-token"
        ]
        return replace(request, headers=headers)

    def _forward(self, request: HttpRequest) -> HttpResponse:
        """Ask the emulator what the front door itself wants to know."""
        return self._ask(*self._target(request), request)

    def _ask(self, service: str, operation: str, request: HttpRequest) -> HttpResponse:
        """Ask the emulator, whose state bears one thread at a time: on this one, or on the loop where it may wait."""
        asked = self._ask_emulator(request)
        if service in ANSWERS_AT_ONCE and operation not in WAITS:
            with self._one_at_a_time:
                return contextvars.copy_context().run(_answer_at_once, asked)
        waiting = asyncio.run_coroutine_threadsafe(_StepByStep(asked, self._one_at_a_time).run(), self._loop)
        waited = 0
        while True:
            try:
                return waiting.result(EMULATOR_SECONDS)
            except TimeoutError:
                waited += EMULATOR_SECONDS
                if self._closed.is_set() or waited >= MAX_EMULATOR_SECONDS:
                    waiting.cancel()
                    raise ConnectionLost("the emulator gives no answer") from None

    async def _ask_emulator(self, request: HttpRequest) -> HttpResponse:
        received = False

        async def receive() -> Message:
            nonlocal received
            if received:
                await asyncio.Event().wait()
            received = True
            return {"type": "http.request", "body": request.body, "more_body": False}

        status, headers, chunks = 500, [], []

        async def send(message: Message) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
            elif message["type"] == "http.response.body":
                chunks.append(message.get("body", b""))

        sent = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers]
        # AWS is reached by TLS alone: policies that demand it must not see that loopback has none.
        sent.append((b"x-forwarded-proto", b"https"))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": request.method,
            "path": request.path,
            "raw_path": request.raw_path.encode("latin-1"),
            "query_string": request.raw_query.encode("latin-1"),
            "root_path": "",
            "client": (request.source_ip, 0),
            "headers": sent,
        }
        await self._behind(scope, receive, send)
        return HttpResponse(status, headers, b"".join(chunks))


def _answer_at_once(asked: Coroutine[Any, Any, HttpResponse]) -> HttpResponse:
    try:
        asked.send(None)
    except StopIteration as answered:
        response: HttpResponse = answered.value
        return response
    asked.close()
    raise RuntimeError("the emulator waits where it is said to answer at once")


class _StepByStep:
    """A coroutine that holds a lock whenever it runs, and not while it waits."""

    def __init__(self, steps: Coroutine[Any, Any, HttpResponse], lock: threading.Lock) -> None:
        self._steps = steps
        self._lock = lock

    async def run(self) -> HttpResponse:
        return await self

    def __await__(self) -> Generator[Any, Any, HttpResponse]:
        step: Callable[[], Any] = partial(self._steps.send, None)
        while True:
            try:
                with self._lock:
                    waits_for = step()
            except StopIteration as answered:
                response: HttpResponse = answered.value
                return response
            try:
                step = partial(self._steps.send, (yield waits_for))
            except BaseException as raised:
                step = partial(self._steps.throw, raised)


def _unsigned(request: HttpRequest) -> tuple[str, str]:
    """What is meant by a request that nobody signed: sign-in at a user pool, or an object for everybody."""
    if (request.header("x-amz-target") or "").startswith(USER_POOLS_TARGET):
        return USER_POOLS, _operation(USER_POOLS, request)
    if any(part in request.path for part in EMULATORS_OWN):
        return "", ""
    return "s3", _operation("s3", request)


@cache
def _wire(service: str) -> Wire:
    return Wire(service_model(service))


def _refusal(service: str, error: AwsError, request: HttpRequest) -> HttpResponse:
    if request.header("x-amz-target") is None and request.form().get("Action"):
        return query_error(error.code, error.status or 400, error.message)
    if error.members:
        return _wire(service).error(error)
    return error_response(service, error.code, error.status or 400, error.message)


def _labels(request: HttpRequest) -> dict[str, str]:
    """Bucket and key of a request to S3."""
    found = rest_routes("s3").match(request.method, request.raw_path, request.query, request.headers)
    return found[1] if found else {}


def _operation(service: str, request: HttpRequest) -> str:
    target = request.header("x-amz-target")
    if target:
        return target.rpartition(".")[2]
    if (request.header("content-type") or "").startswith("application/x-www-form-urlencoded"):
        return request.form().get("Action", "")
    try:
        found = rest_routes(service).match(request.method, request.raw_path, request.query, request.headers)
    except Exception:
        log.debug("no API model for %s", service)
        return ""
    return found[0] if found else ""
