"""What goes wrong inside an execution."""


class StateError(Exception):
    """An error that ``Retry`` and ``Catch`` see.

    Args:
        error: its name, ``States.Timeout`` or a task's own; None where whoever reported it gave none.
        cause: what it says; None when it says nothing.
    """

    def __init__(self, error: str | None, cause: str | None = None) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause

    @property
    def output(self) -> dict[str, str | None]:
        """What a catcher is given."""
        return {"Error": self.error, "Cause": self.cause}


class StateMisread(StateError):
    """An error in a state's own fields and the data that they read; its cause names the state, once that is known."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error, cause)
        self._placed = False

    def place(self, state: str, event: int) -> bool:
        """Say where it was; False when that is said already."""
        if self._placed:
            return False
        self._placed = True
        self.cause = (
            f"An error occurred while executing the state '{state}' (entered at the event id #{event}). {self.cause}"
        )
        return True


class RuntimeFailure(StateMisread):
    """``States.Runtime``: a path that finds nothing and the like; nothing catches it."""

    def __init__(self, cause: str) -> None:
        super().__init__("States.Runtime", cause)


class IntrinsicFailure(StateMisread):
    """``States.IntrinsicFailure``: an intrinsic function that cannot be read or has no value."""

    def __init__(self, cause: str) -> None:
        super().__init__("States.IntrinsicFailure", cause)


class QueryFailure(StateMisread):
    """``States.QueryEvaluationError``: a JSONata expression without a value that fits.

    Args:
        cause: what it says.
        location: the field, ``Output/result``.
        evaluated: it is the value that does not fit; all of the state's fields had one.
    """

    def __init__(self, cause: str, location: str, *, evaluated: bool = False) -> None:
        super().__init__("States.QueryEvaluationError", cause)
        self.location = location
        self.evaluated = evaluated
