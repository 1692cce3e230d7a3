"""Why no rule needs to report a mutation."""


def reason(type: str, path: str, kind: str) -> str | None:
    """Why a property may be what it likes; None where nothing says so."""
    return None
