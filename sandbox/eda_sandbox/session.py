"""The embedded AWS with the provider, for Pulumi's own commands."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from eda_sandbox.embedded import Sandbox, embedded_aws
from eda_sandbox.foundation import ending
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.plugin import pulumi_home
from eda_sandbox.provider.server import serve

MIXED = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN")
"""What of a real account must not mix with the sandbox's credentials."""


class CommandError(SandboxError):
    """A command cannot be run.

    Attributes:
        code: what a shell would end with.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Session:
    """What runs while the ``with`` block lasts.

    Attributes:
        aws: the embedded AWS.
        provider_port: where the provider listens on loopback.
    """

    aws: Sandbox
    provider_port: int

    def environment(self) -> dict[str, str]:
        """What lets the engine and AWS's tools find all of it."""
        return {
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.aws.endpoint,
            "AWS_REGION": REGION,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET,
            "PULUMI_DEBUG_PROVIDERS": f"aws:{self.provider_port}",
        }


@contextlib.contextmanager
def session(
    speed: float = 20,
    port: int = 0,
    provider_port: int = 0,
    folder: Path | None = None,
    doubts: Mapping[str, str] | None = None,
) -> Iterator[Session]:
    """Run the embedded AWS and the provider for the time of a ``with`` block.

    Args:
        speed: AWS seconds in one real second, 1 or more.
        port: of the embedded AWS on loopback; 0 takes a free one.
        provider_port: of the provider; 0 takes a free one.
        folder: of the Pulumi program, where the paths of its files begin; default: the working directory.
        doubts: as ``embedded_aws`` takes them.

    Raises:
        SandboxError: a port cannot be had, or an embedded AWS runs in this process already.
    """
    with (
        _without_account(),
        embedded_aws(speed, port=port, doubts=doubts) as aws,
        serve(aws.cloud, provider_port, folder) as bound,
    ):
        yield Session(aws, bound)


@contextlib.contextmanager
def _without_account() -> Iterator[None]:
    taken = {name: os.environ.pop(name) for name in MIXED if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(taken)


@contextlib.contextmanager
def command_environment(running: Session, given: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment of a command that works with the sandbox alone, never with an account.

    Args:
        running: what runs.
        given: the caller's own environment; where it names Pulumi's backend, home or passphrase, they are kept.

    Yields:
        The environment; a backend of the sandbox's own is removed at the end, because its stacks end with the sandbox.
    """
    with ending.temporary("aws-eda-pulumi-") as home:
        # The engine's plugins are shared; which stack is selected in a project's folder is not.
        with contextlib.suppress(SandboxError):
            plugins = pulumi_home(given) / "plugins"
            if plugins.is_dir():
                (home / "plugins").symlink_to(plugins.resolve())
        defaults = {
            "PULUMI_BACKEND_URL": home.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "sandbox",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(home),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        if "PULUMI_CONFIG_PASSPHRASE_FILE" in given:
            del defaults["PULUMI_CONFIG_PASSPHRASE"]
        kept = {
            name: value
            for name, value in given.items()
            # A variable that is set to nothing is not given.
            if name not in MIXED and not name.startswith("AWS_ENDPOINT") and (value or name not in defaults)
        }
        yield {**defaults, **kept, **running.environment()}


def run_command(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command to its end and pass signals on: a signal is the command's business, and ends it as without us.

    Args:
        command: the program and its arguments.
        environment: the whole environment, from ``command_environment``.

    Returns:
        The exit code as a shell gives it: 128 and the number for a signal.

    Raises:
        CommandError: there is no such program (127), or it cannot be run (126).
    """
    process: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def passed_on(number: int, _frame: FrameType | None) -> None:
        # A terminal sends Ctrl-C to the whole group: the command has it already.
        if number == signal.SIGINT and os.isatty(0):
            return
        if process is None:
            early.append(number)
        else:
            process.send_signal(number)

    before = {number: signal.signal(number, passed_on) for number in ending.listened_to()}
    try:
        try:
            process = subprocess.Popen(command, env=environment)
        except OSError as error:
            code = 127 if isinstance(error, FileNotFoundError) else 126
            raise CommandError(f"{command[0]} cannot be run: {error.strerror}", code) from error
        for number in early:
            process.send_signal(number)
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code
