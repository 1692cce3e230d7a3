"""Loads again what failed, from the loads' dead-letter queue.

Four kinds of messages lie there: the job's own about an object that was set aside, which waits for the next load again;
and about a slot of the schedule: the job's that it failed for good, Glue's event of a run that failed, and Scheduler's
call that reached no job. A slot that is not loaded is started, once however many messages name it, and its message
stays until it is.

Safe to run twice and to stop at any point: an object that waits or is loaded is left alone, a slot that is loaded is
done, and a message is deleted last.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from eda_runtime.dead_letters import OBJECT
from eda_runtime.ledger import SUCCEEDED, Ledger
from eda_runtime.load_statements import LoadArgumentError

from pipeline.backfill import QueryFunction, Requested, request
from pipeline.dead_letters import drain
from pipeline.reload import JobRuns, Reload


class RedriveLoads:
    """Takes messages from the loads' dead-letter queue.

    Args:
        client: gives a client of a service, boto3's name.
        outputs: the stack's exports.
        query_anew: objects that were set aside are queried again, by the query as it is now, before they are loaded.
    """

    def __init__(self, client: Callable[[str], Any], outputs: Mapping[str, Any], *, query_anew: bool = False) -> None:
        self._sqs, self._glue = client("sqs"), client("glue")
        self._queue, self._job = outputs["load_dlq_url"], outputs["load_job_name"]
        self._ledger = Ledger(client("dynamodb"), outputs["ledger_table_name"])
        self._dataset = self._glue.get_job(JobName=self._job)["Job"]["DefaultArguments"]["--dataset"]
        self._reload = Reload(client, outputs)
        self._function = QueryFunction(client("lambda"), outputs["query_function_name"]) if query_anew else None
        self._asked: dict[str, str] = {}

    def run(self, limit: int = 1000) -> Iterator[Requested]:
        """Redrive up to ``limit`` messages, one at a time; one that fails stays in the queue and stops no other."""
        return drain(self._sqs, self._queue, limit, self._message, _left)

    def _message(self, message: Mapping[str, Any]) -> Requested:
        match json.loads(message["Body"]):
            case {"kind": kind, "id": str(id), "dataset": self._dataset} if kind == OBJECT:
                return self._object(id)
            case {"kind": "load", "slot": str(slot), "dataset": self._dataset}:
                return self._slot(slot.partition("/")[0])
            case {"source": "aws.glue", "detail": {"jobName": self._job, "jobRunId": str(run)}}:
                found = self._glue.get_job_run(JobName=self._job, RunId=run)["JobRun"]
                return self._slot(found.get("Arguments", {})["--scheduled_time"])
            case {"JobName": self._job, "Arguments": {"--scheduled_time": str(slot)}}:
                return self._slot(slot)
        return Requested(message["MessageId"], "still in the queue: not about a load of ours", done=False)

    def _object(self, id: str) -> Requested:
        row = self._ledger.get(id)
        if row is None:
            return Requested(id, "still in the queue: the ledger has no such object", done=False)
        if "set_aside" not in row:
            where = "is loaded" if "loaded_by" in row else "waits for the next load"
            return Requested(row["key"], where if row["state"] == SUCCEEDED else "is queried anew, or was and failed")
        if self._function is not None:
            again = request(row["bucket"], row["key"], row["version_id"], f"redrive of {row['set_aside_by']}")
            asked = self._function.call(row["key"], again)
            found = self._ledger.get(id)
            if not asked.done or found is None or "set_aside" not in found:
                return asked
            return Requested(
                row["key"], "still in the queue: it was queried anew before and set aside again", done=False
            )
        if self._ledger.change(row, {"unloaded": self._dataset}, ("set_aside", "set_aside_by", "open")) is None:
            return Requested(row["key"], "still in the queue: it changed meanwhile; call again", done=False)
        return Requested(row["key"], "waits for the next load")

    def _slot(self, slot: str) -> Requested:
        if self._is_loaded(slot):
            return Requested(slot, "is loaded")
        if slot not in self._asked:
            try:
                self._asked[slot] = f"started {self._reload.start(slot)}"
            except (JobRuns, LoadArgumentError) as error:
                self._asked[slot] = str(error)
        return Requested(slot, f"still in the queue until it is loaded: {self._asked[slot]}", done=False)

    def _is_loaded(self, slot: str) -> bool:
        """Whether all parts of a slot have succeeded."""
        for row in self._reload.rows(slot):
            if row["state"] != SUCCEEDED:
                return False
            if "continued" not in row:
                return True
        return False


def _left(message: Mapping[str, Any], reason: str) -> Requested:
    return Requested(message["MessageId"], f"still in the queue: {reason}", done=False)
