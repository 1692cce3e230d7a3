"""How much memory an execution environment uses."""

from pathlib import Path

BASE = 32
"""MB that an environment uses before it has loaded a function: what Lambda reports of the smallest ones. Here it is
forked from a process that has loaded more, which counts as this much."""


class Memory:
    """The memory of one process, measured from when it was forked.

    Args:
        pid: the process, as it has just been forked.
    """

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        anonymous, _ = self._read()
        self._before = anonymous
        self.most = BASE

    def measure(self) -> int:
        """MB that it uses, or used at most since; what it used before for one that has ended."""
        now, peak = self._read()
        if now:
            self.most = max(self.most, BASE + (max(now, peak) - self._before) // 1024)
        return self.most

    def _read(self) -> tuple[int, int]:
        """KB of memory of its own now and at most; files that are mapped are none, as on AWS."""
        try:
            lines = self._status.read_text().splitlines()
        except OSError:
            return 0, 0
        found = {
            name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines) if "kB" in rest
        }
        mapped = found.get("RssFile", 0) + found.get("RssShmem", 0)
        return found.get("RssAnon", 0), found.get("VmHWM", 0) - mapped
