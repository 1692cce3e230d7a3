"""What is asked of the engine changes only on purpose."""

from tests.unit.registrations import FILE, registrations


def test_the_prod_stack_is_what_the_file_says() -> None:
    """``python -m tests.unit.registrations`` writes the file anew; its diff is what a deployment would change."""
    said, made = FILE.read_text().splitlines(), registrations().splitlines()
    assert sorted(set(said) - set(made)) == []
    assert sorted(set(made) - set(said)) == []
