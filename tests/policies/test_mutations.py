"""Every property of the pipeline's prod stack, broken: a rule reports it, or it is said why none needs to."""

import pytest

from tests.policies.mutations import Stack, outcome, recorded
from tests.policies.reasons import reason

EVERY = 40
"""Of so many mutations one is tried anew; ``python -m tests.policies.mutations`` tries all."""


@pytest.fixture(scope="module")
def stack() -> Stack:
    return Stack()


def test_the_file_holds_every_mutation_of_the_stack(stack: Stack) -> None:
    said, made = set(recorded()), {str(mutation) for mutation in stack.mutations}
    assert sorted(made - said) == [], "run: python -m tests.policies.mutations"
    assert sorted(said - made) == []


def test_no_silence_is_unexplained() -> None:
    for name, found in recorded().items():
        assert found, name
        if isinstance(found, str):
            type, path, kind = name.rsplit(" ", 2)
            assert reason(type, path, kind) == found, name


def test_a_sample_of_the_mutations_is_reported_as_the_file_says(stack: Stack) -> None:
    said = recorded()
    assert {str(m): outcome(stack, m) for m in stack.mutations[::EVERY]} == {
        str(m): said[str(m)] for m in stack.mutations[::EVERY]
    }
