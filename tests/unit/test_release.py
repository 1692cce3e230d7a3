"""A release says one version everywhere, and is cut only from what tells what changed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import release
from tests.conftest import ROOT

pytestmark = pytest.mark.slow  # all of a release, in a clone

KEPT = ("CHANGELOG.md", *release._PLACES, "components/schema.json", "components/schema.released.json")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What a release changes."""
    for name in KEPT:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


def test_the_distributions_the_pack_and_the_schema_have_one_version() -> None:
    found = set(release.problems(release.current()))
    # Between two releases the schema may have more than the released one, and the section is open.
    between = ("components/schema.released.json ", f"CHANGELOG.md has no section `## {release.current()}")
    assert all(problem.startswith(between) for problem in found), found


def test_a_version_that_is_cut_fits_and_no_other_does(copy: Path) -> None:
    before = (copy / "CHANGELOG.md").read_text()
    release.write("7.1.0rc1", copy, "2027-01-02")
    assert list(release.problems("7.1.0rc1", copy)) == []
    text = (copy / "CHANGELOG.md").read_text()
    assert text == before.replace("## Unreleased\n", "## Unreleased\n\n## 7.1.0rc1 - 2027-01-02\n", 1)
    assert (copy / "components/schema.json").read_text() == (copy / "components/schema.released.json").read_text()
    assert {problem.partition(" has the version")[0] for problem in release.problems("7.1.0", copy)} == {
        *release._PLACES,
        "components/schema.json",
        "components/schema.released.json",
        "CHANGELOG.md has no section `## 7.1.0 - DATE`",
    }


@pytest.mark.parametrize("version", ["7", "v7.1.0", "7.1.0-rc1", "07.1.0", ""])
def test_what_is_no_version_is_refused(copy: Path, version: str) -> None:
    with pytest.raises(release.ReleaseError, match=r"no version; write MAJOR\.MINOR\.PATCH"):
        release.write(version, copy)


def test_nothing_is_cut_from_a_changelog_that_says_nothing(copy: Path) -> None:
    release.write("7.1.0", copy)
    with pytest.raises(release.ReleaseError, match="nothing under `## Unreleased`"):
        release.write("7.2.0", copy)


def test_all_of_it_is_tried_without_a_trace() -> None:
    def state() -> str:
        command = ["git", "status", "--porcelain"]
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    before = state()
    done = subprocess.run([sys.executable, "release.py", "try", "7.1.0"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    wheels = [line.split()[1] for line in done.stdout.splitlines() if line.endswith(".whl")]
    assert wheels == [
        f"{name}-7.1.0-py3-none-any.whl" for name in ("pulumi_aws_eda", "pulumi_aws_eda_policies", "aws_eda_sandbox")
    ]
    assert "nothing was" in done.stdout
    assert state() == before
