"""The process that execution environments are forked from; it has loaded what every function loads anyway.

It runs as a script and without the packages of the Python that runs it, so that a function finds what Lambda has: its
own code, its layers, the standard library and what the runtime brings (``runtime_packages``). Over its standard input,
a socket, come requests of one JSON line with two descriptors; over the same go its reports of one JSON line:

    {"handler": …, "task_root": …, "variables": {…}, "debugger": port} + (invocations, output)
    → {"started": 4711}, {"ended": 4711, "status": -9}
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pathlib
import select
import signal
import site
import socket
import sys
import time
from typing import Any, NoReturn

# A module that reads the environment or the clock when it is imported has no place here.
PRELOADED = (
    "awslambdaric.lambda_runtime_client",
    "boto3",
    "botocore.httpsession",
    "decimal",
    "encodings.idna",
    "http.client",
    "urllib.request",
    "aws_lambda_powertools.logging",
    "aws_lambda_powertools.metrics",
    "aws_lambda_powertools.utilities.idempotency",
)
RUNTIME = {"__main__", "awslambdaric", "runtime_client", *sys.stdlib_module_names}
API_MODELS = ("endpoint-rule-set-1", "service-2")
TASK_ROOT = "/var/task"
MAX_REQUEST = 1024 * 1024
SIGTERM_STATUS = 128 + signal.SIGTERM


def serve(control: socket.socket) -> None:
    """Fork environments until the other side is gone; then nothing of them is left."""
    children: set[int] = set()
    try:
        _serve(control, children)
    except ConnectionError:
        # The other side ended while a report was on its way, or with some that it had not read.
        pass
    finally:
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


def _serve(control: socket.socket, children: set[int]) -> None:
    woken, wakes = socket.socketpair()
    for end in (woken, wakes):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    try:
        _fork_as_asked(control, children, woken, wakes)
    finally:
        # Children that end from now on wake nobody: the descriptor goes with this function.
        signal.set_wakeup_fd(-1)


def _fork_as_asked(control: socket.socket, children: set[int], woken: socket.socket, wakes: socket.socket) -> None:
    received, descriptors = b"", list[int]()
    while True:
        readable, _, _ = select.select([control, woken], [], [])
        if woken in readable:
            woken.recv(4096)
            _reap(children, control)
        if control in readable:
            data, passed, _, _ = socket.recv_fds(control, MAX_REQUEST, 16)
            descriptors += passed
            if not data:
                return
            received += data
            while b"\n" in received:
                line, received = received.split(b"\n", 1)
                taken, descriptors = descriptors[:2], descriptors[2:]
                pid = os.fork()
                if pid == 0:
                    _become_environment(line, taken, (woken, wakes, control))
                for descriptor in taken:
                    os.close(descriptor)
                children.add(pid)
                _report(control, {"started": pid})


def _reap(children: set[int], control: socket.socket) -> None:
    for pid in list(children):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            children.discard(pid)
            _report(control, {"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def _report(control: socket.socket, what: dict[str, int]) -> None:
    control.sendall(json.dumps(what).encode() + b"\n")


def _become_environment(line: bytes, taken: list[int], ends: tuple[socket.socket, ...]) -> NoReturn:
    """Never come back: what the template does at its end is not this process's to do."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for end in ends:
            end.close()
        status = _environment(json.loads(line), *taken)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _environment(request: dict[str, Any], invocations: int, output: int) -> int:
    """Run the invocations of an execution environment; the exit status."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for descriptor in (nothing, output):
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["variables"])
    time.tzset()
    os.chdir(request["task_root"])
    sys.argv = ["awslambdaric", request["handler"]]
    sys.path.insert(0, request["task_root"])
    if request.get("debugger"):
        sys.path.append(request["debugger_path"])
    _forget(request["task_root"])
    try:
        if request.get("debugger"):
            _wait_for_debugger(request["debugger"])
        from awslambdaric import bootstrap

        bootstrap.run(request["handler"], _client(socket.socket(fileno=invocations), request["task_root"]))
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    else:
        status = 0
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    return status


def _wait_for_debugger(port: int) -> None:
    import debugpy

    # In this process: nothing is left of it when the environment is ended.
    debugpy.listen(("127.0.0.1", port), in_process_debug_adapter=True)
    print(f"waits for a debugger at 127.0.0.1:{port}", flush=True)
    debugpy.wait_for_client()


def _forget(task_root: str) -> None:
    """A function's own package comes before the runtime's of the same name."""
    own = {path.name.partition(".")[0] for path in pathlib.Path(task_root).iterdir()} - RUNTIME
    for name in [name for name in sys.modules if name.partition(".")[0] in own]:
        del sys.modules[name]


def _client(connection: socket.socket, task_root: str) -> Any:
    from awslambdaric.lambda_runtime_client import BaseLambdaRuntimeClient, InvocationRequest
    from awslambdaric.lambda_runtime_marshaller import to_json

    def as_in_lambda(error: str) -> bytes:
        # The code lies in a folder of its own here; errors name it as Lambda does.
        return error.replace(f"{json.dumps(task_root)[1:-1]}/", f"{TASK_ROOT}/").encode()

    class Client(BaseLambdaRuntimeClient):  # type: ignore[misc]  # the runtime has no types
        """The Runtime API's operations over a socket: a JSON line each, then so many bytes as it says."""

        def __init__(self) -> None:
            super().__init__("")
            self._reader = connection.makefile("rb")

        def wait_next_invocation(self) -> Any:
            self._send("next")
            line = self._reader.readline()
            if not line:
                # Lambda ends an environment by a signal between invocations.
                os._exit(SIGTERM_STATUS)
            given = json.loads(line)
            return InvocationRequest(
                invoke_id=given["request_id"],
                x_amzn_trace_id=given["trace_id"],
                invoked_function_arn=given["function_arn"],
                deadline_time_in_ms=given["deadline_ms"],
                client_context=given.get("client_context"),
                cognito_identity=None,
                tenant_id=None,
                content_type="application/json",
                event_body=self._reader.read(given["length"]),
                invocation_id=None,
            )

        def post_invocation_result(self, _invoke_id: str, result_data: bytes | str, *_: Any) -> None:
            self._send("response", result_data if isinstance(result_data, bytes) else result_data.encode())

        def post_invocation_error(self, _invoke_id: str, error_response_data: str, *_: Any) -> None:
            self._send("error", as_in_lambda(error_response_data))

        def post_init_error(self, error_response_data: Any, *_: Any) -> None:
            self._send("init_error", as_in_lambda(to_json(error_response_data)))

        def _send(self, kind: str, body: bytes = b"") -> None:
            connection.sendall(json.dumps({"kind": kind, "length": len(body)}).encode() + b"\n" + body)

    return Client()


def main(paths: list[str]) -> None:
    """Load what is loaded once, and serve.

    Args:
        paths: where modules are looked for behind the function's own code.
    """
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    sys.path += paths
    # What ``site`` adds, whose folders are left out.
    site.setquit()
    site.setcopyright()
    site.sethelper()
    if not os.environ.get("SANDBOX_COLD_STARTS"):
        for module in PRELOADED:
            with contextlib.suppress(ImportError):
                importlib.import_module(module)
        _look_up_models()
    gc.freeze()
    serve(control)


def _look_up_models() -> None:
    """boto3's own session has found its API models; its region and credentials are those of the environment."""
    import boto3

    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION is not None
    loader = boto3.DEFAULT_SESSION._loader
    for kind in API_MODELS:
        loader.list_available_services(kind)
        # Most functions keep something in a table.
        loader.load_service_model("dynamodb", kind)
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(name)


if __name__ == "__main__":
    main(sys.argv[1:])
