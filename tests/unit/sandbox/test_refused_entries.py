"""An entry that ``PutEvents`` did not take is put again where AWS says that this can help."""

from typing import Any

import pytest
from eda_sandbox.foundation.retry_policy import is_transient, refused_entry


def answer(code: str) -> dict[str, Any]:
    return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "no"}]}


@pytest.mark.parametrize("code", ["InternalFailure", "InternalException", "ThrottlingException"])
def test_a_failure_inside_is_tried_again(code: str) -> None:
    error = refused_entry(answer(code))
    assert error is not None
    assert (error.code, is_transient(error)) == (code, True)


@pytest.mark.parametrize("code", ["NotAuthorizedForSourceException", "MalformedDetail", "AccessDeniedException"])
def test_a_refusal_stays_one(code: str) -> None:
    error = refused_entry(answer(code))
    assert error is not None
    assert not is_transient(error)


def test_what_was_taken_is_no_error() -> None:
    assert refused_entry({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}) is None
