"""Programs that are deployed one after the other: the second is forked, and nobody can tell it from the first."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import DeploymentError, begun, deploy, destroy
from eda_sandbox.provider.programs import PROGRAMS

PROGRAM = """
import json, os, sys
import pulumi, pulumi_aws, beside
pulumi_aws.sqs.Queue("queue", name="forked-" + beside.NAME)
pulumi.export("seen", json.dumps({
    "name": beside.NAME, "set": os.environ.get("SET_FOR_IT"), "argv": len(sys.argv), "stdin": sys.stdin.read(),
    "own": os.getpid() == os.getpgid(0),
}))
print("a line of its own")
if os.environ.get("SET_FOR_IT") == "killed":
    os.kill(os.getpid(), 9)
"""
Run = Callable[[str], dict[str, Any]]


@pytest.fixture
def main(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: forked\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    return tmp_path / "__main__.py"


@pytest.fixture
def run(aws: Sandbox, main: Path) -> Run:
    """Deploys the program with a name in the module beside it; what it has seen."""

    def once(name: str) -> dict[str, Any]:
        # Python tells a changed module by its size within a second: names that follow each other differ in length.
        main.with_name("beside.py").write_text(f"NAME = {name!r}\n")
        made = deploy(aws.cloud, main)
        destroy(aws.cloud, made)
        assert main.with_name("beside.py").resolve() in made.read
        seen: dict[str, Any] = json.loads(made.outputs["seen"])
        return seen

    return once


def test_a_forked_program_sees_what_a_started_one_sees(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    PROGRAMS.close()
    monkeypatch.setenv("SET_FOR_IT", "new")
    started = run("first")
    assert PROGRAMS._template is None, "most commands deploy once"
    forked = run("second")
    assert PROGRAMS._template is not None
    assert forked == {**started, "name": "second"}
    assert run("third")["name"] == "third", "its own modules are read again each time"


def test_what_is_loaded_in_one_environment_is_not_used_in_another(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("first")
    run("second")
    before = PROGRAMS._template
    monkeypatch.setenv("SET_FOR_IT", "other")
    assert run("third")["set"] == "other"
    assert PROGRAMS._template is not before


def test_a_program_that_ends_in_the_middle_is_told_and_hinders_no_other(
    aws: Sandbox, main: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SET_FOR_IT", "killed")
    for name in ("one", "two", "three"):
        with pytest.raises(DeploymentError, match=r"a line of its own|ended with -9"):
            run(name)
    monkeypatch.undo()
    assert run("four")["set"] is None
    assert run("five")["set"] is None


def test_a_program_that_nobody_waits_for_is_ended(main: Path, run: Run) -> None:
    run("first")
    run("second")

    def forked() -> bool:
        assert PROGRAMS._template is not None
        tasks = Path(f"/proc/{PROGRAMS._template._process.pid}/task")
        return any((task / "children").read_text() for task in tasks.iterdir())

    with begun(main):
        assert forked()
    assert not forked()


def test_two_programs_at_the_same_time(aws: Sandbox, main: Path, run: Run) -> None:
    run("first")
    run("second")
    with begun(main) as one, begun(main) as another:
        for program in (one, another):
            assert json.loads(program.into(aws.cloud).outputs["seen"])["name"] == "second"
