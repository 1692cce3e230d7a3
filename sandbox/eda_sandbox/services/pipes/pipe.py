"""One pipe: its state, and the threads that work for it."""

import contextlib
import json
import logging
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.streams import Shard, StreamReader
from eda_sandbox.services.pipes.configuration import source_parameters
from eda_sandbox.services.pipes.shard_worker import ShardWorker

PRINCIPAL = "pipes.amazonaws.com"
LIST_SECONDS = 1.0
"""How often the source's shards are listed."""
STOP_SECONDS = 10.0
LEVELS = ("OFF", "ERROR", "INFO", "TRACE")
log = logging.getLogger(__name__)


@dataclass
class Pipe:
    """A pipe.

    Attributes:
        configuration: as ``DescribePipe`` shows it, without states and times.
        desired: ``RUNNING`` or ``STOPPED``.
        state: the current one.
        reason: why the pipe is in that state, when it failed.
    """

    cloud: Cloud
    configuration: dict[str, Any]
    desired: str
    state: str = "CREATING"
    reason: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    modified: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        parameters = source_parameters(self.configuration)
        self._reader = StreamReader(
            self._client,
            self.configuration["Source"],
            parameters["StartingPosition"],
            parameters.get("StartingPositionTimestamp"),
        )
        self._stopped = threading.Event()
        self._threads: dict[str, threading.Thread] = {}
        self._lister: threading.Thread | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.configuration["Name"])

    def start(self) -> None:
        """Fix the position in the source and begin to work; the first time, the position is where it starts.

        Raises:
            eda_sandbox.foundation.errors.AwsError: Pipes cannot assume the role.
            botocore.exceptions.ClientError: the role may not read the source, or the source does not exist.
        """
        self._stopped = threading.Event()
        self._reader.ask()
        for shard in self._reader.shards():
            shard.open()
        self._lister = self.cloud.spawn(lambda: self._list_shards(self._stopped), f"pipe-{self.name}")

    def stop(self) -> None:
        """End the work; the batch that is in flight is finished first."""
        self._stopped.set()
        for thread in (self._lister, *self._threads.values()):
            if thread is not None:
                thread.join(STOP_SECONDS)
        self._threads.clear()
        for shard in self._reader.known():
            shard.rewind()

    def _client(self, service: str) -> Any:
        configuration = self.configuration
        return self.cloud.client(service, configuration["RoleArn"], PRINCIPAL, configuration["Arn"])

    def _list_shards(self, stopped: threading.Event) -> None:
        while not (stopped.is_set() or self.cloud.stopping.is_set()):
            try:
                for shard in self._reader.ready():
                    if shard.id not in self._threads:
                        self._threads[shard.id] = self._work_for(shard, stopped)
            except Exception as error:
                log.info("%s: %s", self.name, error)
            stopped.wait(LIST_SECONDS)

    def _work_for(self, shard: Shard, stopped: threading.Event) -> threading.Thread:
        worker = ShardWorker(self.cloud, self.configuration, self._client, shard, stopped, self._report)
        return self.cloud.spawn(worker.run, f"pipe-{self.name}-{shard.id}")

    def _report(self, message_type: str, level: str, details: dict[str, Any]) -> None:
        """Write to the pipe's log group what its level asks for."""
        wanted = self.configuration.get("LogConfiguration", {})
        group = wanted.get("CloudwatchLogsLogDestination", {}).get("LogGroupArn")
        if group is None or LEVELS.index(level) > LEVELS.index(wanted["Level"]):
            return
        message = {
            "resourceArn": self.configuration["Arn"],
            "timestamp": int(datetime.now(UTC).timestamp() * 1000),
            "messageType": message_type,
            "logLevel": level,
            **details,
        }
        with contextlib.suppress(Exception):
            # A log that cannot be written stops no pipe.
            self.cloud.log_events(group.split(":log-group:")[1].removesuffix(":*"), self.name, [json.dumps(message)])
