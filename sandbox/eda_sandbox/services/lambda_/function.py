"""A function: its configuration, its unpacked code, and its pool of execution environments."""

import io
import json
import secrets
import shutil
import signal
import stat
import sys
import threading
import time
import uuid
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.services.lambda_.environment import INIT_SECONDS, Environment, Invocation
from eda_sandbox.services.lambda_.logs import FunctionLog
from eda_sandbox.services.lambda_.template import Template

MAX_ENVIRONMENTS = 8
"""Processes of one function at a time; a further invocation waits for a free one, so that a laptop stays usable."""
CREDENTIALS_SECONDS = 50 * 60
DEBUGGED_SECONDS = 24 * 3600.0
KILL_SECONDS = 0.1
"""Within this time of its work a process is killed by the fault layer: most functions have begun and not ended."""
PRINCIPAL = "lambda.amazonaws.com"
RUNTIME_VARIABLES = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
}
"""What of the environment is the same for all functions."""


@dataclass(frozen=True)
class Outcome:
    """What became of an invocation."""

    payload: bytes
    function_error: str | None = None


def unpack(archive: bytes, target: Path) -> None:
    """Unpack a ZIP file.

    Raises:
        AwsError: it is none.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as content:
            content.extractall(target)
            for entry in content.infolist():
                # Of the modes Lambda keeps who may execute; ``extractall`` keeps none.
                if entry.external_attr >> 16 & stat.S_IXUSR and not entry.is_dir():
                    (target / entry.filename).chmod(0o755)
    except zipfile.BadZipFile as error:
        raise AwsError("InvalidParameterValueException", "Could not unzip uploaded file.") from error


@dataclass
class Function:
    """One function.

    Attributes:
        configuration: as ``GetFunctionConfiguration`` returns it.
        template: gives what environments with such layers are forked from.
        reserved: reserved concurrency, or None.
        policy: statements of its resource policy, by id.
        running: invocations in flight.
        debugger: a port on loopback where each new environment waits for a debugger; then there is one environment, and
            it has all the time.
        source: the folder that the code was packed from, which a debugged environment runs instead.
        outcomes: how many invocations ended as ``success``, ``error``, ``timeout`` or ``failure``.
    """

    cloud: Cloud
    configuration: dict[str, Any]
    code: Path
    layers: list[Path]
    template: Callable[[list[Path]], Template]
    tags: dict[str, str] = field(default_factory=dict)
    reserved: int | None = None
    policy: dict[str, dict[str, Any]] = field(default_factory=dict)
    event_invoke_config: dict[str, Any] | None = None
    running: int = 0
    debugger: int | None = None
    source: Path | None = None
    outcomes: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._lock = threading.Condition()
        self._idle: list[Environment] = []
        self._all: set[Environment] = set()
        self._outdated: set[Environment] = set()
        self._killed_before = False
        self.log = FunctionLog(self.cloud, self.log_group, self.configuration["Role"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.configuration["FunctionName"])

    @property
    def arn(self) -> str:
        """Its ARN."""
        return str(self.configuration["FunctionArn"])

    @property
    def log_group(self) -> str:
        """The log group it writes to."""
        return str(self.configuration["LoggingConfig"]["LogGroup"])

    def invoke(self, payload: bytes, trace_id: str | None = None) -> Outcome:
        """Run the function once, in a free environment or a new one.

        Raises:
            AwsError: its role may not decrypt the environment variables.
        """
        self._check_key()
        request_id = str(uuid.uuid4())
        environment, suppressed_init = self._acquire()
        begin, keep, status = time.monotonic(), False, "failure"
        init = None if environment.used else begin
        timeout = float(self.configuration["Timeout"]) if self.debugger is None else DEBUGGED_SECONDS
        try:
            self.log.start(request_id)
            # Initialisation is not on the function's time, except after an invocation that was ended by force.
            init_timeout = INIT_SECONDS * 2 if self.debugger is None else DEBUGGED_SECONDS
            error = environment.initialised(timeout if suppressed_init else init_timeout)
            if error is not None:
                return self._failed(request_id, error)
            init = None if init is None or suppressed_init else time.monotonic() - init
            if not suppressed_init:
                begin = time.monotonic()
            left = timeout - (time.monotonic() - begin)
            invocation = Invocation(
                request_id, payload, int((time.time() + left) * 1000), self.arn, trace_id or _new_trace_id()
            )
            keep = environment.run(invocation, left, self._kill_after(payload))
            if keep:
                self._killed_before = False
                status = "error" if invocation.failed else "success"
                return Outcome(invocation.answer, "Unhandled" if invocation.failed else None)
            status = "timeout" if environment.exit_status is None else "failure"
            return self._failed(request_id, self._why(environment, timeout))
        finally:
            took = 1000 * (time.monotonic() - begin)
            with self._lock:
                self.outcomes[status] += 1
            self.log.report(
                request_id, took, None if init is None else 1000 * init, status, self.configuration["MemorySize"]
            )
            self._release(environment, keep=keep)

    def _check_key(self) -> None:
        """The role has to be allowed to decrypt. On AWS an environment that is warm has done so before; and the grant
        that Lambda makes for the role, which a role that is made anew has not, is not counted on."""
        key = self.configuration.get("KMSKeyArn")
        if not key or not self.configuration.get("Environment", {}).get("Variables"):
            return
        reason = self.cloud.why_not_decrypt(key, "lambda", self.configuration["Role"], PRINCIPAL)
        if reason is not None:
            raise AwsError(
                "KMSAccessDeniedException",
                "Lambda was unable to decrypt the environment variables because KMS access was denied. Please check "
                f"the function's KMS key settings. KMS Exception: AccessDeniedException KMS Message: {reason}",
            )

    def _why(self, environment: Environment, timeout: float) -> dict[str, Any]:
        status = environment.exit_status
        if status is None:
            self._killed_before = True
            return {"errorType": "Sandbox.Timedout", "errorMessage": f"Task timed out after {timeout:.2f} seconds"}
        how = "signal: killed" if status == -signal.SIGKILL else f"exit status {status}"
        return {"errorType": "Runtime.ExitError", "errorMessage": f"Runtime exited with error: {how}"}

    def _kill_after(self, payload: bytes) -> float | None:
        path = f"/2015-03-31/functions/{self.name}/invocations"
        share = self.cloud.kill_after("lambda", "Invoke", HttpRequest("POST", path, path, [], [], payload))
        return None if share is None else share * KILL_SECONDS

    def _failed(self, request_id: str, error: dict[str, Any]) -> Outcome:
        message = f"RequestId: {request_id} Error: {error.get('errorMessage', '')}"
        if self.configuration["LoggingConfig"]["LogFormat"] == "JSON":
            self.log.done(request_id, str(error.get("errorType", "")))
        else:
            self.log.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {message}")
        return Outcome(json.dumps({**error, "errorMessage": message}).encode(), "Unhandled")

    def _acquire(self) -> tuple[Environment, bool]:
        with self._lock:
            while True:
                while self._idle:
                    environment = self._idle.pop()
                    if environment.alive and time.monotonic() - environment.created < CREDENTIALS_SECONDS:
                        return environment, False
                    self._all.discard(environment)
                    environment.kill()
                if len(self._all) < (MAX_ENVIRONMENTS if self.debugger is None else 1):
                    environment = self._new_environment()
                    self._all.add(environment)
                    return environment, self._killed_before
                self._lock.wait(1)

    def _release(self, environment: Environment, *, keep: bool) -> None:
        if not keep:
            environment.kill()
        with self._lock:
            stays = keep and environment in self._all
            if stays:
                self._idle.append(environment)
            else:
                self._all.discard(environment)
                self._outdated.discard(environment)
            self._lock.notify()
        if keep and not stays:
            environment.kill()

    def retire(self) -> None:
        """Begin anew: the code or the configuration changed. An invocation that runs ends as it began, but for one that
        is debugged: the debugger's port is taken as long as it is there."""
        with self._lock:
            ends = self._idle if self.debugger is None else list(self._all)
            self._idle = []
            self._outdated |= self._all - set(ends)
            self._all.clear()
        for environment in ends:
            environment.kill()

    def replace_code(self, code: Path) -> None:
        """Have new environments run other code; the old code stays as long as an invocation may need it."""
        old, self.code = self.code, code
        self.retire()
        with self._lock:
            needed = bool(self._outdated)
        # The same code lies in the same folder.
        if not needed and old != code:
            shutil.rmtree(old, ignore_errors=True)

    def close(self) -> None:
        """End everything and write what is left of the log."""
        with self._lock:
            environments, self._idle = [*self._all, *self._outdated], []
            self._all.clear()
        for environment in environments:
            environment.kill()
        self.log.flush()
        shutil.rmtree(self.code, ignore_errors=True)

    def _new_environment(self) -> Environment:
        configuration = self.configuration
        logging = configuration["LoggingConfig"]
        code = self.source if self.source is not None and self.debugger is not None else self.code
        variables = {
            **RUNTIME_VARIABLES,
            "LAMBDA_TASK_ROOT": str(code),
            "_HANDLER": configuration["Handler"],
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
            "AWS_LAMBDA_LOG_GROUP_NAME": self.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self.log.stream,
            "AWS_LAMBDA_LOG_FORMAT": logging["LogFormat"],
            "AWS_LAMBDA_LOG_LEVEL": logging.get("ApplicationLogLevel", "INFO"),
            **self.cloud.environment(configuration["Role"], PRINCIPAL),
            **configuration.get("Environment", {}).get("Variables", {}),
        }

        def forked() -> Environment:
            template, handler = self.template(self.layers), configuration["Handler"]
            return Environment(template, handler, code, variables, self.log.write, self.debugger)

        try:
            return forked()
        except OSError:
            # The process that it is forked from died since it was looked at.
            return forked()


def _new_trace_id() -> str:
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Sampled=1"
