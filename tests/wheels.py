"""Small wheels of a package that has machine code, made as they are needed, and an index of them for uv."""

import base64
import hashlib
import platform
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

HERE = f"cp3{sys.version_info.minor}-cp3{sys.version_info.minor}-manylinux_2_17_{platform.machine()}"
ARM64 = "cp313-cp313-manylinux_2_17_aarch64"
X86_64 = "cp313-cp313-manylinux_2_17_x86_64"
ANYWHERE = "py3-none-any"


def wheel(folder: Path, name: str, version: str, tag: str, requires: str = "") -> Path:
    """A wheel with a module of its name, which says the tag, a script, and for one platform a shared object."""
    files = {f"{name}/__init__.py": f"TAG = {tag!r}\n".encode()}
    if tag != ANYWHERE:
        files[f"{name}/_code.so"] = tag.encode() * 1000
    info = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}".encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{name} = {name}:main\n".encode()
    lines = []
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(content)}\n")
    files[f"{info}/RECORD"] = "".join([*lines, f"{info}/RECORD,,\n"]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(made, "w") as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return made


@contextmanager
def index(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have uv know no other wheels than those of a folder: an index (Simple repository API, PyPA) on loopback."""

    class Simple(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, _, name = self.path.strip("/").partition("/")
            files = sorted(folder.glob("*.whl" if kind == "simple" else name))
            if kind == "simple":
                own = [file for file in files if file.name.partition("-")[0] == name]
                digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in own}
                links = [f'<a href="/files/{name}#sha256={digest}">{name}</a>' for name, digest in digests.items()]
                self._answer("\n".join(links).encode(), "text/html", bool(own))
            else:
                self._answer(files[0].read_bytes() if files else b"", "application/octet-stream", bool(files))

        def _answer(self, body: bytes, kind: str, found: bool) -> None:
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the tests' output is theirs."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Simple)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(folder / "uv"))
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
