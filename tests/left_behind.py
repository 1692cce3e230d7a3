"""What a command leaves behind: processes, files and ports."""

import socket
from pathlib import Path

MARK = "LEFT_BEHIND_MARK"
"""A variable of the environment that all processes of a command have, whatever becomes of their parents."""


def processes(mark: str, folder: Path | None = None) -> dict[int, str]:
    """The running processes that a mark was given to, and their command lines.

    Args:
        mark: the variable's value.
        folder: those count, too, whose command line names it: a function's have an environment of their own.
    """
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            named = folder is not None and str(folder) in line
            if not named and f"{MARK}={mark}".encode() not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            if (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found[int(entry.name)] = line
        except OSError:
            continue
    return found


def ports(pids: set[int]) -> set[int]:
    """The ports on which processes listen."""
    inodes = set()
    for pid in pids:
        try:
            links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            continue
        inodes |= {link[8:-1] for link in links if link.startswith("socket:[")}
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(fields[1].partition(":")[2], 16) for fields in lines if fields[3] == "0A" and fields[9] in inodes}


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of loopback."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) != 0
