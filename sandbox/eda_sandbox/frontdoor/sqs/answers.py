"""How SQS writes its errors and texts in both of its protocols, where the emulator writes otherwise."""

import json
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import sqs as emulated

from eda_sandbox.frontdoor.emulated_answers import Answer

_SHAPES = {
    "InvalidParameterCombination": "InvalidParameterCombinationException",
    "InvalidParameterValue": "InvalidParameterValueException",
    "MissingParameter": "MissingRequiredParameterException",
}
"""The names of errors that the API model has not, beside their codes of the query protocol (recorded on AWS)."""
_RETURNS = {"\r": "&#xD;"}
"""What a reader of XML would take for the end of a line."""


def install() -> None:
    """Write them in the emulator's place."""
    emulated._json_ok = _json
    emulated._json_err_resp = _json_error
    emulated._xml_err_resp = _xml_error
    emulated._esc = _text


def _json(answer: dict[str, Any], status: int = 200) -> Answer:
    body = json.dumps(answer, separators=(",", ":")).encode()
    return status, {"Content-Type": "application/x-amz-json-1.0"}, body


def _json_error(code: str, message: str, status: int = 400) -> Answer:
    shape = _SHAPES.get(code, code)
    head = {
        "Content-Type": "application/x-amz-json-1.0",
        "x-amzn-query-error": f"{emulated._QUERY_COMPAT_CODES.get(code, code)};{_fault(status)}",
        "x-amzn-errortype": shape,
    }
    said = "The specified queue does not exist." if code == "QueueDoesNotExist" else message
    return status, head, json.dumps({"__type": f"com.amazonaws.sqs#{shape}", "message": said}).encode()


def _xml_error(code: str, message: str, status: int = 400) -> Answer:
    legacy = emulated._QUERY_COMPAT_CODES.get(code, code)
    if code == "QueueDoesNotExist":
        message = "The specified queue does not exist for this wsdl version."
    body = (
        '<?xml version="1.0"?><ErrorResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/">'
        f"<Error><Type>{_fault(status)}</Type><Code>{_text(legacy)}</Code><Message>{_text(message)}</Message><Detail/>"
        f"</Error><RequestId>{emulated.new_uuid()}</RequestId></ErrorResponse>"
    )
    return status, {"Content-Type": "text/xml"}, body.encode()


def _fault(status: int) -> str:
    return "Sender" if status < 500 else "Receiver"


def _text(value: Any) -> str:
    return escape(str(value), _RETURNS)
