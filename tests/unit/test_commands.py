"""Commands that lack something say so in a line, and say what to do."""

import json
from pathlib import Path

import pytest
import typer
from eda_policies.command import app as policies
from typer.testing import CliRunner

from pipeline.__main__ import main
from pipeline.demo import command
from pipeline.outputs import OutputsError, StackOutputs

WITHOUT = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
EACH = {
    "preflight": ["dev"],
    "redrive": [],
    "redrive-changes": [],
    "redrive-notifications": [],
    "redrive-queries": [],
    "redrive-loads": [],
    "backfill": ["--start", "2026-01-01", "--end", "2026-01-02"],
    "reload": ["2026-01-31T03:00:00Z"],
    "trace": ["a" * 64],
}


demo = typer.Typer()
demo.command()(command.demo)


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without credentials and region, and a file with no exports."""
    for name in WITHOUT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    file = tmp_path / "outputs.json"
    file.write_text("{}")
    return file


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("command", EACH)
def test_without_credentials_a_command_says_so_in_a_line(
    command: str, nothing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = [] if command == "preflight" else ["--outputs", str(nothing)]
    [line] = said(capsys, command, *EACH[command], *outputs)
    assert "set AWS_PROFILE, or AWS's environment variables" in line


@pytest.mark.parametrize("command", [command for command in EACH if command != "preflight"])
def test_outputs_of_something_else_are_said_to_be_so(
    command: str, nothing: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_DEFAULT_REGION", *WITHOUT[3:]):
        monkeypatch.setenv(name, "eu-central-1")
    [line] = said(capsys, command, *EACH[command], "--outputs", str(nothing))
    assert line.startswith("these are not the outputs of the pipeline's stack: ")
    assert line.endswith(" is missing")


def test_a_file_that_is_not_there_or_no_json_is_said_to_be_so(nothing: Path) -> None:
    with pytest.raises(OutputsError, match=r"outputs\.jso cannot be read: No such file"):
        StackOutputs.read(str(nothing)[:-1])
    for text, message in (("Updating (dev)", "is not what pulumi stack output --json"), ("[]", "holds no JSON object")):
        nothing.write_text(text)
        with pytest.raises(OutputsError, match=message):
            StackOutputs.read(str(nothing))
    nothing.write_text(json.dumps({"api_url": "https://…"}))
    assert StackOutputs.read(str(nothing))["api_url"] == "https://…"


def test_a_record_that_cannot_be_is_told_before_the_run(tmp_path: Path) -> None:
    for arguments, message in (
        (["--record", str(tmp_path / "none" / "run.html")], "cannot be written"),
        (["--record", str(tmp_path / "run.html"), "--target", "aws"], "on AWS there is nothing to record"),
    ):
        told = CliRunner(env={"COLUMNS": "400"}).invoke(demo, arguments)
        assert told.exit_code == 2
        assert message in told.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_stack_without_a_file_is_said_to_be_so() -> None:
    told = CliRunner().invoke(policies, ["check", "--stack", "nope"])
    assert told.exit_code == 2
    assert "there is no Pulumi.nope.yaml beside __main__.py; there are dev, prod, sandbox, staging" in told.stderr
