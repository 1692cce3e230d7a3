"""What a command leaves behind: processes, files and ports."""

import socket
from pathlib import Path

MARK = "LEFT_BEHIND_MARK"
"""A variable of the environment that all processes of a command have, whatever becomes of their parents."""


def processes(mark: str) -> dict[int, str]:
    """The running processes that a mark was given to, and their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes().split(b"\0") and state != "Z":
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
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
