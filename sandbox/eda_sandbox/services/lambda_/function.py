"""A function: its configuration, its unpacked code, and its pool of execution environments."""

import base64
import io
import json
import shutil
import stat
import sys
import threading
import time
import uuid
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.services.lambda_.daemon import Daemon
from eda_sandbox.services.lambda_.environment import INIT_SECONDS, Environment, Invocation
from eda_sandbox.services.lambda_.logs import FunctionLog
from eda_sandbox.services.lambda_.platform_lines import PlatformLines
from eda_sandbox.services.lambda_.policy import FunctionPolicy
from eda_sandbox.services.lambda_.template import Template
from eda_sandbox.services.lambda_.tracing import InvocationTrace

MAX_ENVIRONMENTS = 8
"""Processes of one function at a time; a further invocation waits for a free one, so that a laptop stays usable."""
CREDENTIALS_SECONDS = 50 * 60
DEBUGGED_SECONDS = 24 * 3600.0
TAIL_SIZE = 4096
MOST_UNZIPPED = 262_144_000
"""Bytes of a function's or a layer's files (Lambda quotas)."""
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
    """What became of an invocation.

    Attributes:
        payload: the answer, or the error as JSON.
        function_error: ``Unhandled`` for an error.
        request_id: the invocation's.
        lines: what it wrote to its log.
    """

    payload: bytes
    function_error: str | None = None
    request_id: str | None = None
    lines: tuple[str, ...] = ()

    @property
    def tail(self) -> str:
        """The last 4 KB of the invocation's log, in base64 (Lambda API, ``Invoke``)."""
        said = "".join(f"{line}\n" for line in self.lines).encode()
        return base64.b64encode(said[-TAIL_SIZE:]).decode()


def unpack(archive: bytes, target: Path) -> None:
    """Unpack a ZIP file.

    Raises:
        AwsError: it is none.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as content:
            if sum(entry.file_size for entry in content.infolist()) > MOST_UNZIPPED:
                problem = f"Unzipped size must be smaller than {MOST_UNZIPPED} bytes"
                raise AwsError("InvalidParameterValueException", problem)
            content.extractall(target)
            for entry in content.infolist():
                # Of the modes Lambda keeps who may execute; ``extractall`` keeps none.
                if entry.external_attr >> 16 & stat.S_IXUSR and not entry.is_dir():
                    (target / entry.filename).chmod(0o755)
    except zipfile.BadZipFile as error:
        problem = "Could not unzip uploaded file. Please check your file, then try to upload again."
        raise AwsError("InvalidParameterValueException", problem) from error


@dataclass
class Function:
    """One function.

    Attributes:
        configuration: as ``GetFunctionConfiguration`` returns it.
        template: gives what environments with such layers are forked from.
        reserved: reserved concurrency, or None.
        policy: its resource policy.
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
    policy: FunctionPolicy = field(default_factory=FunctionPolicy)
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
        self._daemon: Daemon | None = None
        self.log = FunctionLog(self.cloud, lambda: (self.log_group, self.configuration["Role"]))

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

    def invoke(
        self,
        payload: bytes,
        request_id: str | None = None,
        client_context: str | None = None,
        qualifier: str | None = None,
    ) -> Outcome:
        """Run the function once, in a free environment or a new one.

        Args:
            payload: the event.
            request_id: of the request; default a new one.
            client_context: JSON that the caller hands on beside the event.
            qualifier: that the function was invoked with, which its context tells.

        Raises:
            AwsError: its role may not decrypt the environment variables.
        """
        self._check_key()
        request_id = request_id or str(uuid.uuid4())
        trace = InvocationTrace(self.configuration, request_id)
        platform, lines = PlatformLines(self.configuration["LoggingConfig"], request_id), list[str]()
        environment, suppressed_init = self._acquire()
        begin, keep, status = time.monotonic(), False, "failure"
        init = None if environment.used else begin
        timeout = float(self.configuration["Timeout"]) if self.debugger is None else DEBUGGED_SECONDS
        error: dict[str, Any] | None = None
        answer, failed = b"", False
        self._say(platform.start(), lines)
        environment.hears = lines
        try:
            # Initialisation is not on the function's time, except after an invocation that was ended by force.
            init_timeout = INIT_SECONDS * 2 if self.debugger is None else DEBUGGED_SECONDS
            error = environment.initialised(timeout if suppressed_init else init_timeout)
            if error is None:
                init = None if init is None or suppressed_init else time.monotonic() - init
                trace.initialised(init)
                if not suppressed_init:
                    begin = time.monotonic()
                left = timeout - (time.monotonic() - begin)
                deadline = int((time.time() + left) * 1000)
                arn = self.arn + (f":{qualifier}" if qualifier else "")
                invocation = Invocation(request_id, payload, deadline, arn, trace.header, client_context)
                keep = environment.run(invocation, left, self._kill_after(payload))
                if keep:
                    self._killed_before = False
                    answer, failed = invocation.answer, invocation.failed
                    status = "error" if failed else "success"
                else:
                    status = "timeout" if environment.exit_status is None else "failure"
                    error = self._why(environment, timeout)
        finally:
            took = 1000 * (time.monotonic() - begin)
            environment.drain()
            environment.hears = None
            with self._lock:
                self.outcomes[status] += 1
            kind = None
            if error is not None:
                kind = str(error.get("errorType", ""))
                if "stackTrace" not in error or platform.json:
                    self._say(platform.failed(kind, str(error["errorMessage"])), lines)
            used = environment.memory.measure()
            size = int(self.configuration["MemorySize"])
            started = None if init is None else 1000 * init
            self._say(platform.report(took, started, status, kind, size, min(used, size)), lines)
            trace.ended(self.cloud.segments, status, answer if error is None else error)
            self._release(environment, keep=keep)
        if error is not None:
            if "stackTrace" not in error:
                # What the runtime itself reports has no such beginning.
                error = {**error, "errorMessage": f"RequestId: {request_id} Error: {error['errorMessage']}"}
            answer, failed = json.dumps(error).encode(), True
        return Outcome(answer, "Unhandled" if failed else None, request_id, tuple(lines))

    def _say(self, said: list[str], lines: list[str]) -> None:
        for line in said:
            lines.append(line)
            self.log.write(line)

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
        if environment.exit_status is None:
            self._killed_before = True
            return {"errorType": "Sandbox.Timedout", "errorMessage": f"Task timed out after {timeout:.2f} seconds"}
        return environment.exit_error

    def _kill_after(self, payload: bytes) -> float | None:
        path = f"/2015-03-31/functions/{self.name}/invocations"
        share = self.cloud.kill_after("lambda", "Invoke", HttpRequest("POST", path, path, [], [], payload))
        return None if share is None else share * KILL_SECONDS

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
        if self._daemon is not None:
            self._daemon.close()
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
            **self._traced_by().variables,
            **self.cloud.environment(configuration["Role"], PRINCIPAL, self.name),
            **configuration.get("Environment", {}).get("Variables", {}),
        }

        def forked() -> Environment:
            template, handler = self.template(self.layers), configuration["Handler"]
            limit = int(configuration["MemorySize"]) if self.debugger is None else None
            return Environment(template, handler, code, variables, self.log.write, self.debugger, limit)

        try:
            return forked()
        except OSError:
            # The process that it is forked from died since it was looked at.
            return forked()

    def _traced_by(self) -> Daemon:
        """The caller holds the lock."""
        if self._daemon is None:
            self._daemon = Daemon(self.cloud.segments, lambda: str(self.configuration["Role"]))
        return self._daemon
