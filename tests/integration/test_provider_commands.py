"""``eda-sandbox provider`` and ``run``, as a user of the engine starts them, without an engine."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from eda_sandbox import embedded
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider import plugin
from eda_sandbox.provider.server import VERSION
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc

from tests.conftest import ROOT

SANDBOX = [sys.executable, "-m", "eda_sandbox"]
ASK = """
import boto3, os, sys
assert os.environ["PULUMI_DEBUG_PROVIDERS"].startswith("aws:")
assert "AWS_PROFILE" not in os.environ
print(boto3.client("sts").get_caller_identity()["Account"], os.environ["PULUMI_BACKEND_URL"])
sys.exit(7)
"""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SANDBOX, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def version_of(port: str) -> str:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        version: str = stub.GetPluginInfo(empty_pb2.Empty(), timeout=10, wait_for_ready=True).version
        return version


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The provider of a process of its own, and its port."""
    with subprocess.Popen(
        [*SANDBOX, "provider", "--install"],
        cwd=ROOT,
        env={**os.environ, "PULUMI_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
        process.kill()


@pytest.mark.parametrize("command", ["provider", "run"])
def test_help_says_what_the_command_does(command: str) -> None:
    told = run(command, "--help")
    assert told.returncode == 0
    assert "PULUMI_DEBUG_PROVIDERS" in told.stdout


def test_the_provider_prints_its_port_installs_its_plugin_and_ends_cleanly(
    provider: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    process, port = provider
    assert version_of(port) == VERSION
    shim = tmp_path / "plugins" / f"resource-aws-v{VERSION}" / "pulumi-resource-aws"
    # A tool starts the plugin, reads the port, talks to it, and ends it.
    with subprocess.Popen(
        [str(shim), "127.0.0.1:1"], stdout=subprocess.PIPE, text=True,
        # As below: a runner in the background ignores it, and a shell cannot trap what was ignored when it began.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as started:  # fmt: skip
        assert started.stdout is not None
        told = started.stdout.readline().strip()
        assert version_of(told) == VERSION
        assert started.poll() is None
        started.send_signal(signal.SIGINT)
        assert started.wait(240) == 0
    assert version_of(port) == VERSION
    process.send_signal(signal.SIGINT)
    assert process.wait(240) == 0
    assert process.stderr is not None
    said = process.stderr.read()
    assert "Traceback" not in said
    assert f"export PULUMI_DEBUG_PROVIDERS=aws:{port}" in said
    assert not shim.exists()


def test_the_real_provider_is_never_overwritten(tmp_path: Path) -> None:
    folder = plugin.install(4321, tmp_path)
    shim = folder / "pulumi-resource-aws"
    assert shim.stat().st_mode & stat.S_IXUSR
    assert "echo 4321" in shim.read_text()
    plugin.install(1234, tmp_path)
    assert "echo 1234" in shim.read_text()
    shim.write_bytes(b"\x7fELF" + bytes(5_000))
    with pytest.raises(FileExistsError, match="holds the real AWS provider"):
        plugin.install(1234, tmp_path)
    assert shim.read_bytes().startswith(b"\x7fELF")


def test_a_command_finds_everything_and_its_exit_code_is_ours(tmp_path: Path) -> None:
    environment = {"AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "t", "PULUMI_BACKEND_URL": tmp_path.as_uri()}
    done = run("run", "--", sys.executable, "-c", ASK, **environment)
    assert (done.returncode, done.stdout) == (7, f"000000000000 {tmp_path.as_uri()}\n"), done.stderr
    given = run("run", "--", "sh", "-c", 'echo "$PULUMI_BACKEND_URL $PULUMI_HOME"; kill -TERM $$', PULUMI_HOME="")
    assert given.returncode == 128 + signal.SIGTERM
    backend, home = given.stdout.split()
    assert backend == f"file://{home}"
    assert not Path(home).exists()


def test_the_pipelines_own_run_has_its_external_api_beside_it() -> None:
    ask = 'import os, urllib.request as r; r.urlopen(os.environ["SANDBOX_EXTERNAL_API_URL"] + "/suppliers").read()'
    command = [sys.executable, "-m", "pipeline", "run", "--", sys.executable, "-c", f"{ask}; raise SystemExit(7)"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 7, done.stderr


def test_a_command_sees_nothing_that_the_embedded_aws_sets_for_itself() -> None:
    own = ("AUTH", "BIND_HOST", "GATEWAY_PORT", "DOCKER_HOST", "MINISTACK_REGION")
    ask = f"import os; raise SystemExit(repr([name for name in {own} if name in os.environ]))"
    given = {name: value for name, value in os.environ.items() if name not in own}
    for command in (SANDBOX, [sys.executable, "-m", "pipeline"]):
        done = subprocess.run(
            [*command, "run", "--", sys.executable, "-c", ask],
            cwd=ROOT, env=given, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.stderr.strip().splitlines()[-1] == "[]"


def test_a_command_that_is_not_there_is_said_plainly() -> None:
    done = run("run", "--", "no-such-command")
    assert done.returncode == 127
    assert "no-such-command cannot be run" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_reaches_the_command_and_ends_the_sandbox() -> None:
    script = "trap 'echo interrupted; exit 5' INT; echo started; while :; do sleep 0.1; done"
    with subprocess.Popen(
        [*SANDBOX, "run", "--", "sh", "-c", script], cwd=ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A shell cannot trap what was ignored when it began, as in a job in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "interrupted\n"
        assert process.wait(240) == 5
        assert "Traceback" not in process.stderr.read()


def test_a_port_that_is_taken_and_a_disk_that_is_full_are_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("provider", "--port", str(taken.getsockname()[1]), COLUMNS="200")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "cannot be had: Address already in use; choose another" in line

    usage = type(shutil.disk_usage("/"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 12_000_000))
    with (
        pytest.raises(SandboxError, match=r"only 12 MB are free in .*; free some, or set TMPDIR"),
        embedded._own_folder(),
    ):
        pass


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dev", "tests"], "tests/__main__.py; name the program's folder, or its __main__.py"),
        (["dev", "examples/queue", "--config", "limit"], "--config limit: write key=value"),
        (["invoke", "greet", "--endpoint", "http://127.0.0.1:9"], "no sandbox answers at http://127.0.0.1:9"),
        (["invoke", "greet", "--event", "none.json"], "none.json cannot be read: No such file or directory"),
        (["invoke", "greet", "--event", "README.md"], "README.md is no JSON"),
    ],
)
def test_what_a_command_lacks_is_said_in_a_line(arguments: list[str], said: str) -> None:
    done = run(*arguments, COLUMNS="200")
    assert done.returncode in (1, 2)
    [line] = (done.stdout + done.stderr).splitlines()
    assert line.startswith("Error: ")
    assert said in line
