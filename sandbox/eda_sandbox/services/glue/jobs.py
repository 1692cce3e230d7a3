"""Jobs: their definitions, and who may run how many times at once."""

import hashlib
import secrets
import threading
from typing import Any

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.glue.logs import PRINCIPAL
from eda_sandbox.services.glue.paging import page
from eda_sandbox.services.glue.run import JobRun
from eda_sandbox.services.glue.security import SecurityConfigurations
from eda_sandbox.services.glue.tags import Tags

PYTHON_SHELL = "pythonshell"
PYTHON_VERSIONS = ("3", "3.6", "3.9")
GLUE_VERSIONS = ("0.9", "1.0", "2.0", "3.0", "4.0", "5.0", "5.1", "6.0")
CAPACITIES = (0.0625, 1.0)
"""Data processing units that a Python shell job may have."""
DEFAULT_TIMEOUT = 480
"""Minutes."""
MAX_TIMEOUT = 7 * 24 * 60
"""Minutes."""
MAX_RETRIES = 10
_NOT_STORED = ("Name", "Tags")
_TIMES = ("CreatedOn", "LastModifiedOn")
_SPARK = ("WorkerType", "NumberOfWorkers", "ExecutionClass", "CodeGenConfigurationNodes")


class Jobs:
    """All jobs and their runs.

    Args:
        cloud: the embedded AWS.
        security: the security configurations.
        tags: where jobs keep their tags.
    """

    def __init__(self, cloud: Cloud, security: SecurityConfigurations, tags: Tags) -> None:
        self._cloud = cloud
        self._security = security
        self._tags = tags
        self._lock = threading.RLock()
        self._jobs: dict[str, dict[str, Any]] = {}
        self._runs: dict[str, list[JobRun]] = {}
        """A job's runs, the newest last; they outlive the job."""

    def resource_arns(self, operation: str, request: dict[str, Any]) -> list[str]:
        """The job's ARN."""
        name = request.get("JobName", request.get("Name", "*"))
        return [self._cloud.arn("glue", f"job/{name}")]

    def create_job(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateJob."""
        name = request["Name"]
        job = self._checked(name, {key: value for key, value in request.items() if key not in _NOT_STORED})
        now = self._cloud.clock.now()
        with self._lock:
            if name in self._jobs:
                known = {key: value for key, value in self._jobs[name].items() if key not in _TIMES}
                if known == job:
                    raise AwsError("AlreadyExistsException", f"Job with name: {name} already exists")
                raise AwsError(
                    "IdempotentParameterMismatchException",
                    f"Resource '{name}' already submitted with different configs",
                )
            self._jobs[name] = {**job, "CreatedOn": now, "LastModifiedOn": now}
        self._tags.put(self._cloud.arn("glue", f"job/{name}"), request.get("Tags", {}))
        return {"Name": name}

    def get_job(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetJob."""
        return {"Job": self._job(request["JobName"])}

    def get_jobs(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetJobs."""
        with self._lock:
            return page("Jobs", list(self._jobs.values()), request)

    def update_job(self, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateJob: what it is given takes the place of all it had."""
        name = request["JobName"]
        with self._lock:
            created = self._job(name)["CreatedOn"]
            job = self._checked(name, request["JobUpdate"])
            self._jobs[name] = {**job, "CreatedOn": created, "LastModifiedOn": self._cloud.clock.now()}
        return {"JobName": name}

    def delete_job(self, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteJob; one that does not exist is no error."""
        with self._lock:
            self._jobs.pop(request["JobName"], None)
        self._tags.remove(self._cloud.arn("glue", f"job/{request['JobName']}"))
        return {"JobName": request["JobName"]}

    def start_job_run(self, request: dict[str, Any]) -> dict[str, Any]:
        """StartJobRun; ``JobRunId`` retries that run."""
        name = request["JobName"]
        for only_spark in ("WorkerType", "NumberOfWorkers", "ExecutionClass"):
            if only_spark in request:
                raise AwsError("InvalidInputException", f"{only_spark} is not supported for pythonshell jobs.")
        with self._lock:
            job = self._job(name)
            before = self._run(name, request["JobRunId"]) if "JobRunId" in request else None
            if before is not None and before.is_active:
                raise AwsError("InvalidInputException", f"Job run {before.id} is in progress and cannot be retried.")
            settings = self._run_settings(job, request, before)
            limit = job["ExecutionProperty"]["MaxConcurrentRuns"]
            if sum(run.is_active for run in self._runs.get(name, [])) >= limit:
                raise AwsError("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {name}")
            run = self._new_run(job, settings, before)
        return {"JobRunId": run.id}

    def get_job_run(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetJobRun."""
        return {"JobRun": self._run(request["JobName"], request["RunId"]).described()}

    def get_job_runs(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetJobRuns, the newest first."""
        name = request["JobName"]
        with self._lock:
            if name not in self._runs:
                self._job(name)
            runs = [run.described() for run in reversed(self._runs.get(name, []))]
        return page("JobRuns", runs, request)

    def batch_stop_job_run(self, request: dict[str, Any]) -> dict[str, Any]:
        """BatchStopJobRun."""
        name, stopped, errors = request["JobName"], [], []
        for run_id in request["JobRunIds"]:
            try:
                run = self._run(name, run_id)
                if not run.stop():
                    raise AwsError("InvalidInputException", f"Job run {run_id} is not running.")
                stopped.append({"JobName": name, "JobRunId": run_id})
            except AwsError as error:
                detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
                errors.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": detail})
        return {"SuccessfulSubmissions": stopped, "Errors": errors}

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            runs = [run for runs in self._runs.values() for run in runs]
        for run in runs:
            run.kill()

    def _new_run(self, job: dict[str, Any], settings: dict[str, Any], before: JobRun | None) -> JobRun:
        if before is None:
            run_id, attempt = f"jr_{hashlib.sha256(secrets.token_bytes(32)).hexdigest()}", 0
        else:
            attempt = before.attempt + 1
            run_id = f"{before.id.partition('_attempt_')[0]}_attempt_{attempt}"
        run = JobRun(self._cloud, job, settings, run_id, attempt, before.id if before else None, self._ended)
        self._runs.setdefault(job["Name"], []).append(run)
        run.start()
        return run

    def _ended(self, run: JobRun) -> None:
        with self._lock:
            job = self._jobs.get(run.job_name)
            if job is None or run.state != "FAILED" or run.attempt >= job["MaxRetries"] or self._stopping:
                return
            self._new_run(job, run.settings, run)

    @property
    def _stopping(self) -> bool:
        return self._cloud.stopping.is_set()

    def _run_settings(self, job: dict[str, Any], request: dict[str, Any], before: JobRun | None) -> dict[str, Any]:
        given = request.get("Arguments", before.settings["Given"] if before else {})
        timeout, capacity = request.get("Timeout", job["Timeout"]), request.get("MaxCapacity", job["MaxCapacity"])
        security = request.get("SecurityConfiguration", job.get("SecurityConfiguration"))
        fixed = job.get("NonOverridableArguments", {})
        refused = sorted(set(given) & set(fixed))
        if refused:
            raise AwsError("InvalidInputException", f"Non-overridable arguments cannot be given: {', '.join(refused)}")
        self._check_limits(timeout, capacity, security)
        return {
            "Given": given,
            "Arguments": {**job.get("DefaultArguments", {}), **given, **fixed},
            "Timeout": timeout,
            "MaxCapacity": capacity,
            "SecurityConfiguration": security,
            "LogKey": self._security.log_key(security),
        }

    def _checked(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        command = given.get("Command") or {}
        kind = command.get("Name")
        if kind != PYTHON_SHELL:
            raise AwsError("InvalidInputException", f"the sandbox runs {PYTHON_SHELL} jobs; it does not run {kind}")
        if not given.get("Role"):
            raise AwsError("InvalidInputException", "Role is required.")
        if not command.get("ScriptLocation", "").startswith("s3://"):
            raise AwsError("InvalidInputException", "Command.ScriptLocation must be an s3:// path of a script.")
        python = command.get("PythonVersion", "3.6")
        if python not in PYTHON_VERSIONS:
            allowed = ", ".join(PYTHON_VERSIONS)
            raise AwsError("InvalidInputException", f"PythonVersion of a pythonshell job is one of {allowed}: {python}")
        version = given.get("GlueVersion", "6.0")
        if version not in GLUE_VERSIONS:
            raise AwsError("InvalidInputException", f"Glue version {version} is not one of {', '.join(GLUE_VERSIONS)}")
        for only_spark in _SPARK:
            if only_spark in given:
                raise AwsError("InvalidInputException", f"{only_spark} is not supported for pythonshell jobs.")
        if "AllocatedCapacity" in given:
            raise AwsError("InvalidInputException", "Please set only MaxCapacity; AllocatedCapacity is deprecated.")
        retries, concurrent = given.get("MaxRetries", 0), given.get("ExecutionProperty", {}).get("MaxConcurrentRuns", 1)
        if not 0 <= retries <= MAX_RETRIES:
            raise AwsError("InvalidInputException", f"MaxRetries must be 0 to {MAX_RETRIES}: {retries}")
        if concurrent < 1:
            raise AwsError("InvalidInputException", f"MaxConcurrentRuns must be 1 or more: {concurrent}")
        job = {
            "JobMode": "SCRIPT",
            **given,
            "Name": name,
            "Command": {**command, "PythonVersion": python},
            "GlueVersion": version,
            "MaxRetries": retries,
            "ExecutionProperty": {"MaxConcurrentRuns": concurrent},
            "Timeout": given.get("Timeout", DEFAULT_TIMEOUT),
            "MaxCapacity": given.get("MaxCapacity", CAPACITIES[0]),
        }
        self._check_limits(job["Timeout"], job["MaxCapacity"], job.get("SecurityConfiguration"))
        self._check_role(job["Role"])
        return job

    def _check_limits(self, timeout: int, capacity: float, security: str | None) -> None:
        if not 1 <= timeout <= MAX_TIMEOUT:
            raise AwsError("InvalidInputException", f"Timeout must be 1 to {MAX_TIMEOUT} minutes: {timeout}")
        if capacity not in CAPACITIES:
            raise AwsError(
                "InvalidInputException",
                f"MaxCapacity of a pythonshell job must be either 0.0625 or 1: {capacity}",
            )
        if security is not None:
            self._security.named(security)

    def _check_role(self, role: str) -> None:
        try:
            self._cloud.credentials(role, PRINCIPAL)
        except AwsError as error:
            raise AwsError(
                "InvalidInputException", "Role should be given assume role permissions for Glue Service."
            ) from error

    def _job(self, name: str) -> dict[str, Any]:
        with self._lock:
            found = self._jobs.get(name)
        if found is None:
            raise AwsError("EntityNotFoundException", f"Entity {name} not found.")
        return found

    def _run(self, name: str, run_id: str) -> JobRun:
        with self._lock:
            found = next((run for run in self._runs.get(name, []) if run.id == run_id), None)
        if found is None:
            raise AwsError("EntityNotFoundException", f"Job run {run_id} of {name} not found.")
        return found
