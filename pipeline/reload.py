"""Loads a slot of the schedule: one that was missed, one that failed, or one that was loaded, whose objects are loaded
again, for a target that lost them.

Safe to run twice and to stop at any point: the objects wait again before the slot's row says so, and the job starts
last.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

from eda_runtime.ledger import FAILED, SUCCEEDED, Ledger, Row
from eda_runtime.redshift_load import check_slot, part_id


class JobRuns(RuntimeError):
    """A run of the job is under way; the slot is reset, so call again when that run has ended."""


class Reload:
    """Resets a slot and starts the job for it.

    Args:
        client: gives a client of a service, boto3's name.
        outputs: the stack's exports.
    """

    def __init__(self, client: Callable[[str], Any], outputs: Mapping[str, Any]) -> None:
        self._glue = client("glue")
        self._job = outputs["load_job_name"]
        self._ledger = Ledger(client("dynamodb"), outputs["ledger_table_name"])
        self._dataset = self._glue.get_job(JobName=self._job)["Job"]["DefaultArguments"]["--dataset"]

    def run(self, slot: str) -> str:
        """Load a slot.

        Args:
            slot: the schedule's time, RFC 3339 in UTC.

        Returns:
            The id of the job's run.

        Raises:
            LoadArgumentError: ``slot`` is no such time.
            JobRuns: a run is under way.
        """
        check_slot(slot)
        for row in self.rows(slot):
            if row["state"] == SUCCEEDED:
                self._reset(row)
        return self.start(slot)

    def start(self, slot: str) -> str:
        """Start the job for a slot, which loads what waits.

        Returns:
            The id of the job's run.

        Raises:
            LoadArgumentError: ``slot`` is no time of the schedule.
            JobRuns: a run is under way.
        """
        check_slot(slot)
        try:
            answer = self._glue.start_job_run(JobName=self._job, Arguments={"--scheduled_time": slot})
        except self._glue.exceptions.ConcurrentRunsExceededException:
            raise JobRuns(f"a run of {self._job} is under way; call again when it has ended") from None
        return str(answer["JobRunId"])

    def rows(self, slot: str) -> Iterator[Row]:
        """The rows of a slot's parts."""
        for number in count(1):
            row = self._ledger.get(part_id(self._dataset, slot, number))
            if row is None:
                return
            yield row

    def _reset(self, row: Row) -> None:
        for taken in self._ledger.get_many(json.loads(row["objects"])):
            if taken.get("loaded_by") == row["id"]:
                self._ledger.change(taken, {"unloaded": self._dataset}, ("loaded_by",))
        self._ledger.change(row, {"state": FAILED, "error": "to be loaded again"})
