"""What HTTP calls its statuses, on every Python."""

_TITLES = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
"""RFC 9110's, which Python has from 3.13 on."""


def title_of(status: int) -> str:
    """What RFC 9110 calls a status; one that it does not know is named by its class."""
    if status in _TITLES:
        return _TITLES[status]
    # Imported here, because most answers are no errors.
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Client Error" if status < 500 else "Server Error"
