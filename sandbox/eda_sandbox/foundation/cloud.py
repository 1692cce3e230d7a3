"""What a service of the sandbox may use: clients through the front door, time, a folder, logs and events."""

import contextlib
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import ServiceModel

from eda_sandbox.foundation import iam
from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.clock import Clock
from eda_sandbox.foundation.doubts import settled
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.foundation.retry_policy import is_transient, refused_entry, wait_before
from eda_sandbox.foundation.tracing import Segments
from eda_sandbox.foundation.transport import hand_over

EXECUTE_API = "/_aws/execute-api/"
"""Where the front door serves the stages of REST APIs."""
USER_AGENT = "eda-sandbox"
"""Of this process's own clients: botocore would put one together twice for each request, from thirty parts."""
REGION = "eu-central-1"
ACCOUNT = "000000000000"
ROOT_KEY = ROOT_SECRET = "test"  # noqa: S105 - the emulator's documented root credentials, valid on loopback only

log = logging.getLogger(__name__)


@cache
def _models() -> botocore.session.Session:
    return botocore.session.get_session()


@cache
def _clients() -> boto3.Session:
    return boto3.Session(botocore_session=_models(), region_name=REGION)


@cache
def service_model(service: str) -> ServiceModel:
    """botocore's API model of a service, by boto3's name."""
    return _models().get_service_model(service)


def load_model(service: str) -> None:
    """Read what each client of a service in this process is made from, before there is one."""
    loader = _models().get_component("data_loader")
    for kind in ("service-2", "endpoint-rule-set-1"):
        loader.load_service_model(service, kind)


def session_of_models() -> botocore.session.Session:
    """A session of its own that makes its clients from what is read already."""
    made = botocore.session.get_session()
    made.register_component("data_loader", _models().get_component("data_loader"))
    return made


class Cloud:
    """The embedded AWS, as its services see it.

    Args:
        endpoint: where the front door listens.
        clock: the time scale.
        folder: the sandbox's own folder; everything that is written lies in it.
        doubts: values of what no source decides (``doubts.DOUBTS``); default each one's first.
    """

    region = REGION
    account = ACCOUNT

    def __init__(self, endpoint: str, clock: Clock, folder: Path, doubts: Mapping[str, str] | None = None) -> None:
        self.endpoint = endpoint
        self.clock = clock
        self.folder = folder
        self.doubts = settled(doubts)
        self.stopping = threading.Event()
        self.services: dict[str, Any] = {}
        self.kill_after: Callable[[str, str, HttpRequest], float | None] = lambda *_: None
        """Asked when a process begins to work for a call, with the service, the operation and a request that says for
        what: the share of the service's own choice of time after which it is killed, or None."""
        self.why_not_decrypt: Callable[[str, str, str, str], str | None] = lambda *_: None
        """Asked before a service decrypts in a role's name, with the key, the service as ``kms:ViaService`` names it,
        the role and the principal that assumes it: why KMS refuses, or None."""
        self.key_of: Callable[[str, str], str | None] = lambda *_: None
        """The customer managed key that something is encrypted with, by boto3's name of its service and its own, or
        None."""
        self.heard: Callable[[str, str], object] = lambda *_: None
        """Told each line that a function writes, with its log group, when it is written."""
        self.send: Callable[[HttpRequest], HttpResponse] | None = None
        """The front door, for the requests of this process; over the network as long as there is none."""
        self.segments = Segments(lambda role, principal: self.client("xray", role, principal), self.stopping)
        """Takes what services record for X-Ray."""
        self._lock = threading.RLock()
        self._clients: dict[tuple[str | None, ...], Any] = {}
        self._issued: dict[tuple[str | None, ...], Credentials] = {}
        self._principals: dict[str, tuple[str, str, str | None]] = {}
        self._log_streams: set[tuple[str, str]] = set()

    def signing_name(self, service: str) -> str:
        """The service's name in credential scopes and IAM actions, ``states`` for ``stepfunctions``."""
        return str(service_model(service).signing_name)

    def client(
        self,
        service: str,
        role_arn: str | None = None,
        principal: str | None = None,
        source_arn: str | None = None,
    ) -> Any:
        """A boto3 client that goes through the front door; cached and safe to share between threads.

        It tries each call once: retrying is the business of the service that calls.

        Args:
            service: boto3's name of the service.
            role_arn: the role to call as; ``principal`` has to be trusted by it. Without it the call is made in the
                name of ``principal``, and the resource's own policy decides, or without both as the account's root.
            principal: the AWS service that calls, for example ``states.amazonaws.com``.
            source_arn: the resource on whose behalf it calls, for ``aws:SourceArn`` conditions.

        Raises:
            AwsError: the role does not exist or does not trust the principal.
        """
        key = (service, role_arn, principal, source_arn)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._new_client(service, self.credentials(role_arn, principal, source_arn))
            return self._clients[key]

    @property
    def asked(self) -> list[str]:
        """The services that there are clients of, by boto3's names."""
        with self._lock:
            return list(dict.fromkeys(str(key[0]) for key in self._clients))

    def client_for(self, service: str, caller: Caller) -> Any:
        """A client with which a service works in the name of its own caller (a forward access session): what the
        caller's role may not do, the service cannot do for it.

        Args:
            service: boto3's name of the service that is called.
            caller: who called; a role's session, an AWS service, or the account's root.

        Raises:
            AwsError: the caller is an IAM user, for whom the sandbox issues no sessions.
        """
        if caller.service is not None:
            return self.client(service, principal=caller.service, source_arn=caller.source_arn)
        if caller.arn.endswith(":root"):
            return self.client(service)
        if ":assumed-role/" not in caller.arn:
            raise AwsError("AccessDeniedException", f"the sandbox works for roles and the root, not for {caller.arn}")
        role, session = caller.arn.rsplit("/", 2)[1:]
        key = (service, caller.arn)
        with self._lock:
            if key not in self._clients:
                found = self.client("iam").get_role(RoleName=role)["Role"]

                def issue() -> dict[str, str]:
                    return iam.issue_session(found, session)

                credentials = RefreshableCredentials.create_from_metadata(issue(), issue, "forward-access-session")
                self._clients[key] = self._new_client(service, credentials)
            return self._clients[key]

    def credentials(
        self, role_arn: str | None = None, principal: str | None = None, source_arn: str | None = None
    ) -> Credentials:
        """What ``client`` signs with, for services that make their requests by hand.

        Raises:
            AwsError: the role does not exist or does not trust the principal.
        """
        key = (role_arn, principal, source_arn)
        with self._lock:
            if key not in self._issued:
                self._issued[key] = self._credentials(role_arn, principal, source_arn)
            return self._issued[key]

    def environment(self, role_arn: str, principal: str, session: str | None = None) -> dict[str, str]:
        """The variables that give another process a role's temporary credentials, and the front door's address.

        Args:
            role_arn: the role.
            principal: the AWS service that assumes it.
            session: the session's name; default the service's.
        """
        issued = self._assume(role_arn, principal, None, session)
        return {
            "AWS_ACCESS_KEY_ID": issued["access_key"],
            "AWS_SECRET_ACCESS_KEY": issued["secret_key"],
            "AWS_SESSION_TOKEN": issued["token"],
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    def principal_of(self, access_key: str) -> tuple[str, str | None] | None:
        """The service, and the resource it calls for, that a service's own access key stands for."""
        found = self._principals.get(access_key)
        return (found[1], found[2]) if found else None

    def arn(self, service: str, resource: str) -> str:
        """An ARN in the sandbox's account and region, by the service's name in ARNs."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def queue_url(self, arn: str) -> str:
        """The URL of a queue, by its ARN; asks nobody whether it exists."""
        account, name = arn.split(":")[4:6]
        return f"{self.endpoint}/{account}/{name}"

    def spawn(self, target: Callable[[], None], name: str) -> threading.Thread:
        """Start a background thread; it has to end soon after ``stopping`` is set."""
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        return thread

    def service_event(
        self,
        source: str,
        detail_type: str,
        detail: dict[str, Any],
        resources: Sequence[str] = (),
        *,
        durable: bool = False,
    ) -> None:
        """Report a change to the default event bus, as AWS's services do, without waiting.

        Args:
            source: the reporting service as events name it, ``aws.athena``; it calls as ``athena.amazonaws.com``.
            detail_type: for example ``Athena Query State Change``.
            detail: the event's detail; anything JSON can hold.
            resources: the ARNs that the event is about.
            durable: the service delivers at least once, as S3 does; else it tries once, as AWS's best effort.
        """
        entry = {
            "Source": source,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "Resources": list(resources),
            "Time": self.clock.now(),
        }

        def send() -> None:
            retry = 0
            while not self.stopping.is_set():
                error: Exception | None
                try:
                    events = self.client("events", principal=f"{source.removeprefix('aws.')}.amazonaws.com")
                    error = refused_entry(events.put_events(Entries=[entry]))
                except (BotoCoreError, ClientError) as failed:
                    error = failed
                if error is None:
                    return
                if not (durable and is_transient(error)):
                    log.info("the event %r of %s is lost: %s", detail_type, source, error)
                    return
                retry += 1
                self.clock.wait(wait_before(retry), self.stopping)

        self.spawn(send, f"event-{source}")

    def log_events(
        self,
        log_group: str,
        stream: str,
        messages: Sequence[str],
        role_arn: str | None = None,
        times: Sequence[int] | None = None,
    ) -> None:
        """Write lines to a log group; its stream is made when it is new, and for a function the group, too.

        Args:
            log_group: the group.
            stream: the stream.
            messages: the lines.
            role_arn: the function's role that writes; None writes in the sandbox's own name.
            times: when each line came, milliseconds since the epoch; default now.

        Raises:
            botocore.exceptions.ClientError: the group does not exist and is not made, or the role may not write.
        """
        if not messages:
            return
        try:
            self._put_log_events(log_group, stream, messages, role_arn, times)
        except ClientError as error:
            if role_arn is None or error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            # Nobody has made the group, or it was deleted meanwhile.
            self._log_streams.discard((log_group, stream))
            logs = self.client("logs", role_arn, "lambda.amazonaws.com")
            with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
                logs.create_log_group(logGroupName=log_group)
            self._put_log_events(log_group, stream, messages, role_arn, times)

    def _put_log_events(
        self,
        log_group: str,
        stream: str,
        messages: Sequence[str],
        role_arn: str | None,
        times: Sequence[int] | None,
    ) -> None:
        logs = self.client("logs") if role_arn is None else self.client("logs", role_arn, "lambda.amazonaws.com")
        if (log_group, stream) not in self._log_streams:
            with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
                logs.create_log_stream(logGroupName=log_group, logStreamName=stream)
            self._log_streams.add((log_group, stream))
        stamped = zip(times or [int(time.time() * 1000)] * len(messages), messages, strict=True)
        logs.put_log_events(
            logGroupName=log_group,
            logStreamName=stream,
            # The order of their times is asked for.
            logEvents=[{"timestamp": at, "message": text} for at, text in sorted(stamped, key=lambda pair: pair[0])],
        )

    def service(self, name: str) -> Any:
        """The running service of that name; for the front door and for tests, services use clients."""
        return self.services[name]

    def _new_client(self, service: str, credentials: Any) -> Any:
        # Creating clients is not thread-safe in botocore; the caller holds the lock. A session of its own for each
        # would cost more than all else: a client keeps the credentials that it was made with.
        _models()._credentials = credentials  # type: ignore[attr-defined]  # its setter takes no refreshable ones
        client = _clients().client(
            service,  # type: ignore[call-overload]  # the service is only known at run time
            endpoint_url=self.endpoint,
            config=Config(
                retries={"total_max_attempts": 1},
                connect_timeout=10,
                read_timeout=930,
                max_pool_connections=128,
                inject_host_prefix=False,
                # What nobody asks for is not in an answer that is handed on.
                response_checksum_validation="when_required",
                user_agent=USER_AGENT,
                s3={"addressing_style": "path"},
            ),
        )
        if self.send is not None:
            hand_over(client, self.send)
        return client

    def _credentials(self, role_arn: str | None, principal: str | None, source_arn: str | None) -> Credentials:
        if role_arn is not None:
            if principal is None:
                raise ValueError("a role is assumed by a service: give its principal")
            refreshable: Credentials = RefreshableCredentials.create_from_metadata(
                metadata=self._assume(role_arn, principal, source_arn),
                refresh_using=lambda: self._assume(role_arn, principal, source_arn),
                method="assume-role",
            )
            return refreshable
        if principal is None:
            return Credentials(ROOT_KEY, ROOT_SECRET)
        key = "ASIA" + secrets.token_hex(8).upper()
        self._principals[key] = (secrets.token_hex(20), principal, source_arn)
        return Credentials(key, self._principals[key][0])

    def _assume(
        self, role_arn: str, principal: str, source_arn: str | None, session: str | None = None
    ) -> dict[str, str]:
        client = self.client("iam")
        try:
            role = client.get_role(RoleName=role_arn.rsplit("/", 1)[-1])["Role"]
        except client.exceptions.NoSuchEntityException:
            raise AwsError("AccessDeniedException", f"The role {role_arn} does not exist.", 400) from None
        if not iam.trusts(role["AssumeRolePolicyDocument"], principal, self.account, self.region, source_arn):
            raise AwsError("AccessDeniedException", f"The role {role_arn} cannot be assumed by {principal}.", 400)
        return iam.issue_session(role, session or principal.partition(".")[0])
