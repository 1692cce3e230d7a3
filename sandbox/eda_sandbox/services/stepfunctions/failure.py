"""What goes wrong inside an execution."""


class StateError(Exception):
    """An error that ``Retry`` and ``Catch`` see.

    Args:
        error: its name, ``States.Timeout`` or a task's own.
        cause: what it says.
    """

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class RuntimeFailure(StateError):
    """``States.Runtime``: a path that finds nothing and the like; ``States.ALL`` does not match it."""

    def __init__(self, cause: str) -> None:
        super().__init__("States.Runtime", cause)
