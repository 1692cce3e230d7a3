"""A project that is begun with a command is green at once."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from eda_sandbox import scaffold
from eda_sandbox.foundation.errors import SandboxError

from tests.conftest import ROOT

BIN = Path(sys.executable).parent


def run(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_new_projects_tests_and_policies_are_green(tmp_path: Path) -> None:
    done = run(tmp_path, BIN / "eda-sandbox", "new", "greeter", "--description", "Says hello")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "greeter"
    assert {str(folder / line.partition("/")[2]) for line in done.stdout.splitlines()} == {
        str(file) for file in folder.rglob("*") if file.is_file()
    }
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    assert (project["name"], project["description"]) == ("greeter", "Says hello")
    assert not [file for file in folder.rglob("*") if file.is_file() and re.search(r"\$\{(PRO|DES)", file.read_text())]
    tests = run(folder, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert tests.returncode == 0, tests.stdout
    assert "2 passed" in tests.stdout
    policies = run(folder, BIN / "eda-policies", "check", "--stack", "dev")
    assert policies.returncode == 0, policies.stdout
    assert "passes, 0 advisory" in policies.stdout


def test_nothing_is_written_over_and_a_name_is_one() -> None:
    with pytest.raises(SandboxError, match="holds something"):
        scaffold.make(ROOT, "greeter")
    with pytest.raises(SandboxError, match="'a b' is no project's name"):
        scaffold.make(ROOT / "not there", "a b")
    assert not (ROOT / "not there").exists()


def test_the_templates_workflow_pins_what_this_repositorys_pin() -> None:
    pinned = {
        line
        for file in (ROOT / ".github" / "workflows").glob("*.yml")
        for line in re.findall(r"uses: (.*@.*)", file.read_text())
    }
    workflow = (scaffold.TEMPLATE / ".github" / "workflows" / "ci.yml").read_text()
    assert set(re.findall(r"uses: (.*)", workflow)) <= pinned
    assert yaml.safe_load(workflow)["permissions"] == {"contents": "read"}
