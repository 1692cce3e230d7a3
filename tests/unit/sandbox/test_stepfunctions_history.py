"""The events of an execution, before and after it has ended."""

from datetime import UTC, datetime

from eda_sandbox.services.stepfunctions.history import History


def test_a_history_that_is_packed_reads_as_before() -> None:
    history = History()
    for number in range(1, 40):
        history.append({"id": number, "timestamp": datetime.now(UTC), "stateEnteredEventDetails": {"input": "{}"}})
    before = list(history)
    history.pack()
    assert list(history) == before
    assert (len(history), history[0], history[-1], history[2:4]) == (39, before[0], before[-1], before[2:4])
