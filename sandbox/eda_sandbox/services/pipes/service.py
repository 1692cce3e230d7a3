"""The control plane of EventBridge Pipes."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.service import Service
from eda_sandbox.services.pipes.configuration import SOURCES, check, service_of
from eda_sandbox.services.pipes.offered import OFFERED
from eda_sandbox.services.pipes.pipe import PRINCIPAL, Pipe

SETTINGS = (
    "Description",
    "Enrichment",
    "EnrichmentParameters",
    "KmsKeyIdentifier",
    "LogConfiguration",
    "RoleArn",
    "SourceParameters",
    "Target",
    "TargetParameters",
)
"""What a pipe can be updated in; ``Source`` stays."""
FIXED = ("StartingPosition", "StartingPositionTimestamp")


class Pipes(Service):
    """Pipes from table streams and Kinesis streams to Firehose, SQS, Lambda and Step Functions."""

    name = "pipes"
    principal = PRINCIPAL
    roles: ClassVar[Mapping[str, Sequence[str]]] = {"CreatePipe": ("RoleArn",), "UpdatePipe": ("RoleArn",)}
    offered = OFFERED

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._lock = threading.RLock()
        self._pipes: dict[str, Pipe] = {}

    def stop(self) -> None:
        """End all pipes."""
        for pipe in self._all():
            pipe.stop()

    def resource_arn(self, operation: str, request: dict[str, Any]) -> str:
        """The pipe's ARN."""
        found = request.get("resourceArn")
        return str(found) if found else self._arn(request["Name"]) if "Name" in request else "*"

    def create_pipe(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreatePipe."""
        check(request)
        name = request["Name"]
        configuration = {key: request[key] for key in ("Name", "Source", *SETTINGS) if key in request}
        configuration["Arn"] = self._arn(name)
        with self._lock:
            if name in self._pipes:
                raise _conflict(name, f"Pipe {name} already exists.")
            pipe = Pipe(
                self.cloud, configuration, request.get("DesiredState", "RUNNING"), tags=dict(request.get("Tags", {}))
            )
            self._pipes[name] = pipe
        self._move(pipe, "CREATING", "CREATE_FAILED")
        return _brief(pipe, "CREATING")

    def describe_pipe(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DescribePipe."""
        pipe = self._pipe(request["Name"])
        return {**pipe.configuration, **_brief(pipe), "StateReason": pipe.reason, "Tags": pipe.tags}

    def list_pipes(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListPipes, by name."""
        found = [
            {
                **_brief(pipe),
                "StateReason": pipe.reason,
                "Source": pipe.configuration["Source"],
                "Target": pipe.configuration["Target"],
            }
            for pipe in sorted(self._all(), key=lambda pipe: pipe.name)
            if pipe.name.startswith(request.get("NamePrefix", ""))
            and pipe.configuration["Source"].startswith(request.get("SourcePrefix", ""))
            and pipe.configuration["Target"].startswith(request.get("TargetPrefix", ""))
            and request.get("DesiredState", pipe.desired) == pipe.desired
            and request.get("CurrentState", pipe.state) == pipe.state
            and pipe.name > request.get("NextToken", "")
        ]
        limit = request.get("Limit", 100)
        more = {"NextToken": found[limit - 1]["Name"]} if len(found) > limit else {}
        return {"Pipes": found[:limit], **more}

    def update_pipe(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdatePipe; what is not given stays, and so does the position in the source."""
        pipe = self._pipe(request["Name"])
        self._settled(pipe)
        changed = {**pipe.configuration, **{key: request[key] for key in SETTINGS if key in request}}
        name = SOURCES[service_of(changed["Source"])]
        given = request.get("SourceParameters", {}).get(name)
        if given is not None:
            before = pipe.configuration["SourceParameters"][name]
            fixed = {key: before[key] for key in FIXED if key in before}
            changed["SourceParameters"] = {**changed["SourceParameters"], name: {**given, **fixed}}
        elif "SourceParameters" in request:
            changed["SourceParameters"] = {**pipe.configuration["SourceParameters"], **request["SourceParameters"]}
        check(changed)
        pipe.desired = request.get("DesiredState", pipe.desired)

        def apply() -> None:
            pipe.stop()
            pipe.configuration = changed

        self._move(pipe, "UPDATING", "UPDATE_FAILED", apply)
        return _brief(pipe, "UPDATING")

    def start_pipe(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """StartPipe: goes on where the pipe stopped."""
        pipe = self._pipe(request["Name"])
        self._settled(pipe)
        if pipe.state == "RUNNING":
            raise _conflict(pipe.name, f"Pipe {pipe.name} is running already.")
        pipe.desired = "RUNNING"
        self._move(pipe, "STARTING", "START_FAILED")
        return _brief(pipe, "STARTING")

    def stop_pipe(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """StopPipe."""
        pipe = self._pipe(request["Name"])
        self._settled(pipe)
        if pipe.state == "STOPPED":
            raise _conflict(pipe.name, f"Pipe {pipe.name} is stopped already.")
        pipe.desired = "STOPPED"
        self._move(pipe, "STOPPING", "STOP_FAILED", pipe.stop)
        return _brief(pipe, "STOPPING")

    def delete_pipe(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeletePipe."""
        pipe = self._pipe(request["Name"])
        pipe.desired = "DELETED"
        pipe.state = "DELETING"

        def delete() -> None:
            pipe.stop()
            with self._lock:
                if self._pipes.get(pipe.name) is pipe:
                    del self._pipes[pipe.name]

        self.cloud.spawn(delete, f"delete-{pipe.name}")
        return _brief(pipe)

    def tag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """TagResource."""
        self._by_arn(request["resourceArn"]).tags.update(request["tags"])
        return {}

    def untag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UntagResource."""
        tags = self._by_arn(request["resourceArn"]).tags
        for key in request["tagKeys"]:
            tags.pop(key, None)
        return {}

    def list_tags_for_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListTagsForResource."""
        return {"tags": self._by_arn(request["resourceArn"]).tags}

    def _move(self, pipe: Pipe, state: str, failed: str, first: Callable[[], None] | None = None) -> None:
        """Bring a pipe to its desired state, through a passing one, on a thread of its own."""
        pipe.state, pipe.reason, pipe.modified = state, None, datetime.now(UTC)

        def move() -> None:
            try:
                if first is not None:
                    first()
                if pipe.desired == "RUNNING":
                    pipe.start()
                reached = pipe.desired
            except Exception as error:
                reached, pipe.reason = failed, str(error)[:512]
            with self._lock:
                if pipe.state == state:
                    pipe.state = reached
                    return
            # It was deleted meanwhile.
            pipe.stop()

        self.cloud.spawn(move, f"{state.lower()}-{pipe.name}")

    def _settled(self, pipe: Pipe) -> None:
        if pipe.state.endswith("ING") and pipe.state != "RUNNING":
            raise _conflict(pipe.name, f"Pipe {pipe.name} is {pipe.state}.")

    def _pipe(self, name: str) -> Pipe:
        with self._lock:
            pipe = self._pipes.get(name)
        if pipe is None:
            raise AwsError("NotFoundException", f"Pipe {name} does not exist.")
        return pipe

    def _by_arn(self, arn: str) -> Pipe:
        return self._pipe(arn.rpartition("/")[2])

    def _all(self) -> list[Pipe]:
        with self._lock:
            return list(self._pipes.values())

    def _arn(self, name: str) -> str:
        return self.cloud.arn("pipes", f"pipe/{name}")


def _brief(pipe: Pipe, state: str | None = None) -> dict[str, Any]:
    return {
        "Arn": pipe.configuration["Arn"],
        "Name": pipe.name,
        "DesiredState": pipe.desired,
        "CurrentState": state or pipe.state,
        "CreationTime": pipe.created,
        "LastModifiedTime": pipe.modified,
    }


def _conflict(name: str, message: str) -> AwsError:
    return AwsError("ConflictException", message, resourceId=name, resourceType="pipe")
