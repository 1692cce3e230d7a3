"""A function's start as Lambda has it: a new process with what Lambda's runtime brings, the layers, and nothing else.

The code comes without bytecode, as its archive does, and its folder is read-only on Lambda: Python compiles it at each
start, and so it does the layers, unless they were built with bytecode. Nothing of the developer's environment is on the
path.
"""

import contextlib
import datetime
import http.server
import importlib.util
import io
import json
import os
import shutil
import ssl
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pulumi_aws_eda import bytecode

ROOT = Path(__file__).parents[1]
SHARE = 128 / 1769
"""Of a processor that 128 MB have: 1,769 MB have one (Lambda Developer Guide, "Configure Lambda function memory")."""
RUNTIME = (
    "awslambdaric",
    "boto3",
    "botocore",
    "dateutil",
    "jmespath",
    "runtime_client",
    "s3transfer",
    "simplejson",
    "six",
    "snapshot_restore_py",
    "urllib3",
)
"""What Lambda's runtime for Python brings."""
POWERTOOLS = ("aws_lambda_powertools", "jmespath", "typing_extensions")
SOURCES = ("components/eda_runtime", "components/pulumi_aws_eda/_functions", "functions")
ORDER_ID = "a" * 64
_ITEM = {
    "order_id": {"S": ORDER_ID},
    "tenant": {"S": "public"},
    "correlation_id": {"S": ORDER_ID},
    "status": {"S": "AWAITING_DETAILS"},
    "version": {"N": "2"},
    "created_at": {"S": "2026-01-01T00:00:00Z"},
    "updated_at": {"S": "2026-01-01T00:00:01Z"},
    "result": {"S": '{"offers_seen":1,"best_offers":[{"offer_id":"o","price":1}]}'},
}
_STARTED = """
import json, os, resource, sys, time
def used():
    found = resource.getrusage(resource.RUSAGE_SELF)
    return found.ru_utime + found.ru_stime
import awslambdaric.bootstrap
stages, walls = [used()], [time.time()]
"""
_ENDED = """
    stages.append(used()); walls.append(time.time())
os.write(int(os.environ["TOLD"]), json.dumps(
    {"cpu": stages, "wall": walls, "modules": modules, "end": sorted(sys.modules), "outcome": outcome}).encode())
"""
RUN = f"""{_STARTED}
from eda_runtime import entrypoint
stages.append(used()); walls.append(time.time()); modules = sorted(sys.modules); outcome = None
class Context:
    function_name = "bench"; memory_limit_in_mb = 128; invoked_function_arn = "arn"; aws_request_id = "request"
    def get_remaining_time_in_millis(self): return 60_000
for event in json.loads(os.environ["EVENTS"]):
    outcome = entrypoint.handler(event, Context())
{_ENDED}"""
NOTHING = f"""{_STARTED}
stages.append(used()); walls.append(time.time()); modules = sorted(sys.modules); outcome = None
for event in []:
    pass
{_ENDED}"""
BARE = f"""{_STARTED}
import boto3
client = boto3.client("dynamodb")
stages.append(used()); walls.append(time.time()); modules = sorted(sys.modules); outcome = None
for event in json.loads(os.environ["EVENTS"]):
    outcome = client.get_item(TableName="orders", Key={{"order_id": {{"S": "a"}}}})["Item"] and None
{_ENDED}"""


class Started:
    """What a start took.

    Attributes:
        initialisation: CPU seconds of Python, Lambda's runtime and the function's initialisation.
        own: of these the function's alone.
        requests: CPU seconds of each request.
        wall: seconds from the process's begin to the last request's end.
        modules: what is loaded when the function is initialised.
        at_the_end: what is loaded after the last request.
        outcome: what the last request gave.
    """

    def __init__(self, told: Mapping[str, Any], begin: float) -> None:
        cpu: list[float] = told["cpu"]
        self.initialisation = cpu[1]
        self.own = cpu[1] - cpu[0]
        self.requests = [after - before for before, after in pairwise(cpu[1:])]
        self.wall = told["wall"][-1] - begin
        self.modules: list[str] = told["modules"]
        self.at_the_end: list[str] = told["end"]
        self.outcome = told["outcome"]


class Host:
    """A folder with what a function's process finds on Lambda, and an AWS that gives one order.

    Args:
        folder: where it is made.
        source: the repository's root, of whichever version.
        compiled: whether the layers hold bytecode, as they do where the Python that builds is Lambda's.
    """

    def __init__(self, folder: Path, source: Path = ROOT, compiled: bool = False) -> None:
        self._folder = folder
        self._source = source
        self._aws: Aws | None = None
        runtime, powertools = folder / "runtime", folder / "powertools"
        runtime.mkdir(parents=True)
        powertools.mkdir()
        for name in RUNTIME:
            found = _installed(name)
            (runtime / found.name).symlink_to(found)
        for name in POWERTOOLS:
            _copy(_installed(name), powertools)
        (folder / "layer").mkdir()
        _copy(source / "components" / "eda_runtime", folder / "layer")
        if compiled:
            for layer in (powertools, folder / "layer"):
                sources = {str(found.relative_to(layer)): found.read_bytes() for found in layer.rglob("*.py")}
                for name, content in bytecode.compiled(sources).items():
                    (layer / name).parent.mkdir(exist_ok=True)
                    (layer / name).write_bytes(content)

    def trust(self, aws: "Aws") -> None:
        """Let both SDKs trust a server as they trust AWS: it has one more root beside all of theirs."""
        self._aws = aws
        botocore = self._folder / "runtime" / "botocore"
        real = botocore.resolve()
        botocore.unlink()
        botocore.mkdir()
        for entry in real.iterdir():
            (botocore / entry.name).symlink_to(entry)
        (botocore / "cacert.pem").unlink()
        (botocore / "cacert.pem").write_text((real / "cacert.pem").read_text() + aws.certificate)
        roots = self._folder / "layer" / "eda_runtime" / "aws" / "amazon_roots.pem"
        if roots.exists():
            roots.write_text(roots.read_text() + aws.certificate)

    def start(
        self,
        function: str | None,
        variables: Mapping[str, str],
        events: list[dict[str, Any]],
        quota: "Quota | None" = None,
        beside: Mapping[str, str] | None = None,
    ) -> Started:
        """Start a function and give it requests.

        Args:
            function: its folder in the repository; None for a bare handler with boto3's client, and an empty text for
                Lambda's runtime alone.
            variables: of its environment.
            events: the requests.
            quota: what it runs under.
            beside: files beside its code, by name.

        Raises:
            CalledProcessError: the process failed; its output is in the message's ``stderr``.
        """
        path = [self._folder / name for name in ("layer", "powertools", "runtime")]
        if function:
            code = self._folder / function.replace("/", "_")
            if not code.exists():
                code.mkdir()
                for entry in (self._source / function).iterdir():
                    _copy(entry, code)
                for name, text in (beside or {}).items():
                    (code / name).write_text(text)
            path.insert(0, code)
        reads, writes = os.pipe()
        environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_SESSION_TOKEN": "token",
            "POWERTOOLS_SERVICE_NAME": "bench",
            "EDA_HANDLER": "handler.handle",
            "EVENTS": json.dumps(events),
            "TOLD": str(writes),
            **({} if self._aws is None else {"AWS_ENDPOINT_URL": self._aws.url}),
            **variables,
        }
        # Without `site`: the developer's .pth files are not on Lambda.
        code_of = {None: BARE, "": NOTHING}
        command = [sys.executable, "-S", "-c", code_of.get(function, RUN)]
        if quota is not None:
            command = ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(quota.processes), *command]
        begin = time.time()
        try:
            subprocess.run(
                command,
                env=environment,
                cwd=self._folder,
                pass_fds=[writes],
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        finally:
            os.close(writes)
            with os.fdopen(reads) as told:
                text = told.read()
        return Started(json.loads(text), begin)


def _installed(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise FileNotFoundError(f"{name} is not installed")
    origin = Path(found.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def _copy(found: Path, into: Path) -> None:
    if found.is_dir():
        shutil.copytree(found, into / found.name, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(found, into)


@contextlib.contextmanager
def checked_out(revision: str, paths: Sequence[str] = SOURCES) -> Iterator[Path]:
    """The files of a version, in a folder.

    Args:
        revision: as git names it.
        paths: which ones; all of them when there are none.
    """
    archive = subprocess.run(["git", "archive", revision, *paths], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    with TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
        yield Path(folder)


class Quota:
    """A share of a processor, by the kernel's CPU controller.

    Args:
        share: of one processor.

    Raises:
        OSError: there is no such controller here that may be used.
    """

    PERIOD = 100_000
    """Microseconds, the kernel's default."""

    def __init__(self, share: float = SHARE) -> None:
        root, quota = Path("/sys/fs/cgroup"), round(share * self.PERIOD)
        unified = (root / "cgroup.controllers").exists()
        group = (root if unified else root / "cpu") / f"bench-{os.getpid()}"
        group.mkdir()
        try:
            if unified:
                (group / "cpu.max").write_text(f"{quota} {self.PERIOD}")
            else:
                (group / "cpu.cfs_period_us").write_text(str(self.PERIOD))
                (group / "cpu.cfs_quota_us").write_text(str(quota))
        except OSError:
            group.rmdir()
            raise
        self._group = group
        self.processes = group / "cgroup.procs"

    def close(self) -> None:
        """Take it away; nothing may run under it any more."""
        self._group.rmdir()


class Aws:
    """Over TLS, answers as AWS does what a first request asks; its order's id is ``ORDER_ID``."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.certificate = made.public_bytes(serialization.Encoding.PEM).decode()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with TemporaryDirectory() as folder:
            file = Path(folder) / "both.pem"
            file.write_bytes(private + self.certificate.encode())
            context.load_cert_chain(file)
        self._server = http.server.ThreadingHTTPServer(("localhost", 0), _Answers)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._plain = http.server.ThreadingHTTPServer(("localhost", 0), _Answers)
        self._plain.daemon_threads = True
        self.url = f"https://localhost:{self._server.server_port}"
        self.external = f"http://localhost:{self._plain.server_port}"

    def __enter__(self) -> "Aws":
        for server in (self._server, self._plain):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self._server, self._plain):
            server.shutdown()
            server.server_close()


class _Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer([])

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        self._answer({"GetItem": {"Item": _ITEM}, "UpdateItem": {"Attributes": {}}}.get(operation, {}))

    def _answer(self, document: Any) -> None:
        content = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass
