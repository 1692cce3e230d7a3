"""One run of a Python shell job: a process of its own with the job's role."""

import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.services.glue.logs import PRINCIPAL, RunLog

LOG_GROUP = "/aws-glue/python-jobs"
ACTIVE = ("STARTING", "RUNNING", "STOPPING")
KILL_SECONDS = 4.0
"""Within this time of its work a process is killed by the fault layer: most jobs have begun and not ended."""
_SEVERITY = {"SUCCEEDED": "INFO", "STOPPED": "INFO", "TIMEOUT": "WARN", "FAILED": "ERROR"}
_MESSAGES = {
    "SUCCEEDED": "Job run succeeded",
    "STOPPED": "Job run stopped",
    "TIMEOUT": "Job run timed out",
    "FAILED": "Job run failed",
}
_RUNTIME = Path(__file__).parent / "runtime"

log = logging.getLogger(__name__)


class JobRun:
    """A run and its process.

    Args:
        cloud: the embedded AWS.
        job: the job's definition as it is now.
        settings: ``Arguments``, ``Timeout`` (minutes), ``MaxCapacity``, ``SecurityConfiguration``, ``LogKey``, the key
            that encrypts log groups, and ``Given``, the arguments without the job's own.
        id: the run's id.
        attempt: 0, or how many runs were before in this chain of retries.
        previous: the id of the run that this one retries.
        ended: called once with the run, after its last state is set.
    """

    def __init__(
        self,
        cloud: Cloud,
        job: dict[str, Any],
        settings: dict[str, Any],
        id: str,
        attempt: int,
        previous: str | None,
        ended: Callable[["JobRun"], None],
    ) -> None:
        self.id = id
        self.attempt = attempt
        self.settings = settings
        self.state = "STARTING"
        self._cloud = cloud
        self._job = job
        self._previous = previous
        self._ended = ended
        self._started = self._changed = cloud.clock.now()
        self._completed: Any = None
        self._error: str | None = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = cloud.folder / "glue" / id

    @property
    def job_name(self) -> str:
        """Whose run it is."""
        return str(self._job["Name"])

    @property
    def is_active(self) -> bool:
        """Whether it counts as a concurrent run."""
        return self.state in ACTIVE

    def start(self) -> None:
        """Run in the background."""
        self._cloud.spawn(self._run, f"glue-{self.job_name}")

    def stop(self) -> bool:
        """Ask it to end; False when it has ended."""
        with self._lock:
            if self.state not in ("STARTING", "RUNNING"):
                return False
            self._set("STOPPING")
            self._stopped.set()
        self.kill()
        return True

    def kill(self) -> None:
        """End the process and everything it started, at once."""
        process = self._process
        if process is not None and process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def described(self) -> dict[str, Any]:
        """As ``GetJobRun`` returns it."""
        with self._lock:
            end = self._completed or self._cloud.clock.now()
            optional = {
                "PreviousRunId": self._previous,
                "CompletedOn": self._completed,
                "ErrorMessage": self._error,
                "SecurityConfiguration": self.settings["SecurityConfiguration"],
            }
            return {
                "Id": self.id,
                "Attempt": self.attempt,
                "JobName": self.job_name,
                "JobMode": "SCRIPT",
                "StartedOn": self._started,
                "LastModifiedOn": self._changed,
                "JobRunState": self.state,
                "Arguments": self.settings["Arguments"],
                "ExecutionTime": int((end - self._started).total_seconds()),
                "Timeout": self.settings["Timeout"],
                "MaxCapacity": self.settings["MaxCapacity"],
                "GlueVersion": self._job["GlueVersion"],
                "LogGroupName": LOG_GROUP,
                **{name: value for name, value in optional.items() if value is not None},
            }

    def _run(self) -> None:
        try:
            state, error = self._execute()
        except (AwsError, ClientError, BotoCoreError, OSError, zipfile.BadZipFile, ValueError) as failure:
            state, error = "FAILED", str(failure)
        except Exception as failure:
            log.exception("the run %s failed in the sandbox", self.id)
            state, error = "FAILED", f"the sandbox failed: {failure!r}"
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
        with self._lock:
            if self._stopped.is_set():
                state, error = "STOPPED", None
            self._error = error
            self._completed = self._cloud.clock.now()
            self._set(state)
        self._cloud.service_event(
            "aws.glue",
            "Glue Job State Change",
            {
                "jobName": self.job_name,
                "severity": _SEVERITY[state],
                "state": state,
                "jobRunId": self.id,
                "message": error or _MESSAGES[state],
            },
        )
        self._ended(self)

    def _execute(self) -> tuple[str, str | None]:
        self._folder.mkdir(parents=True)
        script = self._download(self._job["Command"]["ScriptLocation"])
        paths = [self._on_path(self._download(uri)) for uri in self._listed("--extra-py-files")]
        role, arguments = self._job["Role"], self.settings["Arguments"]
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "HOME": str(self._folder),
            "TMPDIR": str(self._folder),
            "PYTHONPATH": os.pathsep.join(map(str, dict.fromkeys([*paths, _RUNTIME]))),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            **self._cloud.environment(role, PRINCIPAL),
        }
        argv = [part for name, value in arguments.items() for part in (name, value)]
        with self._lock:
            if self._stopped.is_set():
                return "STOPPED", None
            self._process = process = subprocess.Popen(
                [sys.executable, str(script), *argv],
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            self._set("RUNNING")
        if self._cloud.stopping.is_set():
            self.kill()
        assert process.stdout is not None
        assert process.stderr is not None
        key = self.settings["LogKey"]
        output = RunLog(self._cloud, role, self._group("output"), self.id, key)
        errors = RunLog(self._cloud, role, self._group("error"), self.id, key)
        readers = [_reader(process.stdout, output), _reader(process.stderr, errors)]
        killed = self._cloud.kill_after("glue", "StartJobRun", self._request())
        try:
            if killed is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(killed * KILL_SECONDS)
                self.kill()
                return "FAILED", f"Command failed with exit code {128 + signal.SIGKILL}"
            status = process.wait(self._cloud.clock.real(self.settings["Timeout"] * 60))
        except subprocess.TimeoutExpired:
            return "TIMEOUT", f"Job run exceeded its timeout of {self.settings['Timeout']} minutes"
        finally:
            self.kill()
            process.wait()
            for reader in readers:
                reader.join(timeout=10)
            output.close()
            errors.close()
        if status == 0:
            return "SUCCEEDED", None
        return "FAILED", errors.last_line or f"Command failed with exit code {status}"

    def _request(self) -> HttpRequest:
        headers = [("x-amz-target", "AWSGlue.StartJobRun"), ("content-type", "application/x-amz-json-1.1")]
        given = {"JobName": self.job_name, "Arguments": self.settings["Arguments"]}
        return HttpRequest("POST", "/", "/", [], headers, json.dumps(given).encode())

    def _group(self, kind: str) -> str:
        arguments, security = self.settings["Arguments"], self.settings["SecurityConfiguration"]
        asked = arguments.get("--continuous-log-logGroup")
        continuous = arguments.get("--enable-continuous-cloudwatch-log", "").lower() == "true"
        if asked and continuous and self._cloud.doubts["glue-python-shell-log-group"] == "custom":
            # Glue documentation, continuous logging: where a security configuration encrypts logs, its name is behind
            # that of the group.
            return f"{asked}-{security}" if self.settings["LogKey"] else str(asked)
        if security is None:
            return f"{LOG_GROUP}/{kind}"
        return f"{LOG_GROUP}/{security}-role/{self._job['Role'].rsplit('/', 1)[-1]}/{kind}"

    def _listed(self, argument: str) -> list[str]:
        return [part.strip() for part in self.settings["Arguments"].get(argument, "").split(",") if part.strip()]

    def _download(self, uri: str) -> Path:
        parts = urlsplit(uri)
        if parts.scheme != "s3":
            raise ValueError(f"{uri} is not an s3:// path")
        s3 = self._cloud.client("s3", self._job["Role"], PRINCIPAL)
        content = s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"].read()
        target = self._folder / "files" / Path(parts.path).name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
        return target

    def _on_path(self, file: Path) -> Path:
        if file.suffix == ".py":
            return file.parent
        if file.suffix not in (".whl", ".egg", ".zip"):
            raise ValueError(f"--extra-py-files takes .py, .whl, .egg and .zip, not {file.name}")
        folder = self._folder / "packages" / file.name
        with zipfile.ZipFile(file) as archive:
            archive.extractall(folder)
        return folder

    def _set(self, state: str) -> None:
        self.state, self._changed = state, self._cloud.clock.now()


def _reader(stream: IO[bytes], target: RunLog) -> threading.Thread:
    def read() -> None:
        for line in stream:
            target.write(line.decode("utf-8", "replace").rstrip("\n"))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread
