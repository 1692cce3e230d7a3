"""The workflows of CI: pinned, with the least permissions, and without a stored key."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from eda_sandbox import scaffold

pytestmark = pytest.mark.slow  # zizmor reads all workflows

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
READ = {"contents": "read"}
SIGN = {**READ, "id-token": "write"}
ALLOWED = {
    "ci.yml": {"lint": READ, "test": READ, "package": READ},
    "preview.yml": {"preview": {**SIGN, "pull-requests": "write"}},
    "deploy.yml": {"dev": SIGN, "staging": SIGN, "prod": SIGN},
    "up.yml": {"up": SIGN},
    "release.yml": {"build": {**SIGN, "attestations": "write"}, "publish": SIGN},
}
"""What each job may do."""


def load(file: Path) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true.
    found: dict[str, Any] = {
        {True: "on"}.get(key, key): value for key, value in yaml.safe_load(file.read_text()).items()
    }
    return found


def steps(file: Path) -> list[dict[str, Any]]:
    return [step for job in load(file)["jobs"].values() for step in job.get("steps", [])]


def test_there_are_these_workflows() -> None:
    assert {file.name for file in WORKFLOWS} == set(ALLOWED)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_action_is_pinned_to_a_commit_and_says_its_version(file: Path) -> None:
    used = re.findall(r"uses: (.*)", file.read_text())
    assert used
    for action in used:
        assert action.startswith("./") or re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), (
            action
        )


def test_an_action_has_one_version_everywhere() -> None:
    used = {line for file in WORKFLOWS for line in re.findall(r"uses: ([^.\s].*)", file.read_text())}
    assert len({action.partition("@")[0] for action in used}) == len(used)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_permissions_are_the_least(file: Path) -> None:
    workflow = load(file)
    assert workflow["permissions"] == READ
    assert {name: job.get("permissions", READ) for name, job in workflow["jobs"].items()} == ALLOWED[file.name]
    for name, job in workflow["jobs"].items():
        assert "timeout-minutes" in job or "uses" in job, name
    assert "pull_request_target" not in workflow["on"]
    for step in steps(file):
        if "actions/checkout@" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_no_key_is_stored_and_nothing_is_put_into_a_script(file: Path) -> None:
    text = file.read_text()
    assert not re.search(r"secrets\.|access-key|ACCESS_KEY|ACCESS_TOKEN|PASSPHRASE", text)
    for step in steps(file):
        assert "${{" not in step.get("run", ""), step
        if "configure-aws-credentials@" in step.get("uses", ""):
            assert step["with"]["role-to-assume"].startswith("${{ vars.")


def test_a_preview_runs_the_policies_comments_the_diff_and_leaves_forks_out() -> None:
    (job,) = load(ROOT / ".github" / "workflows" / "preview.yml")["jobs"].values()
    assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    preview = job["steps"][-1]["with"]
    assert (preview["command"], preview["diff"], preview["comment-on-pr"]) == ("preview", True, True)
    assert (ROOT / preview["policyPacks"] / "PulumiPolicy.yaml").exists()
    assert (ROOT / preview["policyPackConfigs"]).exists()
    assert set(job["strategy"]["matrix"]["stack"]) == {"dev", "staging", "prod"}


def test_a_deployment_goes_from_stack_to_stack_each_with_its_environments_approvals() -> None:
    jobs = load(ROOT / ".github" / "workflows" / "deploy.yml")["jobs"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {"dev": None, "staging": "dev", "prod": "staging"}
    assert all(job["with"]["stack"] == name for name, job in jobs.items())
    assert all((ROOT / f"Pulumi.{name}.yaml").exists() for name in jobs)
    (job,) = load(ROOT / ".github" / "workflows" / "up.yml")["jobs"].values()
    assert job["environment"] == "${{ inputs.stack }}"
    assert job["steps"][-1]["with"]["policyPacks"] == "policies"


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="actionlint is not on PATH")
def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(["actionlint", *map(str, WORKFLOWS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_zizmor_finds_nothing() -> None:
    folders = [ROOT / ".github" / "workflows", scaffold.TEMPLATE / ".github" / "workflows"]
    command = ["zizmor", "--offline", "--no-progress", "--config", ROOT / ".github" / "zizmor.yml", *folders]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout
