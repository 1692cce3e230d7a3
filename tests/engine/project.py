"""A Pulumi project in a folder of its own, and the engine's commands on it."""

import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.waiting import wait_until

WITH_ENGINE = [
    pytest.mark.skipif(shutil.which("pulumi") is None, reason="the engine's tests need `pulumi` on PATH"),
    pytest.mark.timeout(900),
]
SECONDS = 600
"""What a command may take."""


@dataclass
class Project:
    """A project and the stack that its commands are about.

    Attributes:
        folder: where the engine may write.
        environment: of its commands.
        stack: the stack's name.
    """

    folder: Path
    environment: Mapping[str, str]
    stack: str

    def pulumi(self, *arguments: str, succeeds: bool = True) -> str:
        """Run a command to its end; what it said."""
        done = subprocess.run(
            self._command(arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        said = done.stdout + done.stderr
        assert (done.returncode == 0) == succeeds, f"{' '.join(arguments)} ended with {done.returncode}:\n{said}"
        return said

    def up(self, succeeds: bool = True) -> str:
        """Bring the stack up."""
        return self.pulumi("up", "--yes", "--skip-preview", "--stack", self.stack, succeeds=succeeds)

    def destroy(self, succeeds: bool = True) -> str:
        """Delete all of it."""
        return self.pulumi("destroy", "--yes", "--skip-preview", "--stack", self.stack, succeeds=succeeds)

    def is_settled(self) -> None:
        """A preview shows no change."""
        self.pulumi("preview", "--diff", "--stack", self.stack, "--expect-no-changes")

    def refresh(self, *arguments: str) -> str:
        """Look at what is there."""
        return self.pulumi("refresh", "--yes", "--skip-preview", "--stack", self.stack, *arguments)

    def is_as_known(self) -> None:
        """A refresh finds everything as it was left."""
        self.refresh("--expect-no-changes")

    def interrupted(self, when: Callable[[], Any]) -> None:
        """Bring the stack up, and interrupt that as a person does, as soon as a condition holds."""
        command = self._command(["up", "--yes", "--skip-preview", "--stack", self.stack])
        with subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as running:
            wait_until(lambda: running.poll() is not None or when(), "the update has begun")
            running.send_signal(signal.SIGINT)
            said, _ = running.communicate(timeout=SECONDS)
        assert running.returncode != 0, said

    def _command(self, arguments: Any) -> list[str]:
        return ["pulumi", "--non-interactive", "--color", "never", *arguments]

    def configure(self, **values: Any) -> None:
        """Change what the stack's file says of the project."""
        file = self.folder / f"Pulumi.{self.stack}.yaml"
        content = yaml.safe_load(file.read_text()) if file.exists() else {}
        project = yaml.safe_load((self.folder / "Pulumi.yaml").read_text())["name"]
        content["config"] = (content.get("config") or {}) | {
            f"{project}:{name}": value for name, value in values.items()
        }
        file.write_text(yaml.safe_dump(content))

    def resources(self) -> dict[str, dict[str, Any]]:
        """What the state holds, by URN."""
        state = json.loads(self.pulumi("stack", "export", "--stack", self.stack))
        return {each["urn"]: each for each in state["deployment"].get("resources", [])}

    def of_type(self, type: str) -> list[dict[str, Any]]:
        """The resources of a type."""
        return [each for each in self.resources().values() if each["type"] == type]

    def outputs(self) -> dict[str, Any]:
        """What the program exported."""
        found: dict[str, Any] = json.loads(self.pulumi("stack", "output", "--json", "--stack", self.stack))
        return found


def new_project(folder: Path, name: str, program: str) -> None:
    """Write a project's files.

    Args:
        folder: where to.
        name: the project's.
        program: its ``__main__.py``.
    """
    options = {"name": "python", "options": {"virtualenv": str(ROOT / ".venv")}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": name, "runtime": options}))
    (folder / "__main__.py").write_text(program)
