"""Messages that nobody got, because the answer with them was lost: how long they are invisible."""

import json
import math
from dataclasses import replace

from eda_sandbox.foundation.clock import Clock
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.frontdoor.emulator import Emulator


def soon_visible(request: HttpRequest, emulator: Emulator, clock: Clock) -> HttpRequest:
    """A ``ReceiveMessage`` whose messages are visible again after the scaled time: nobody works on them meanwhile.

    Args:
        request: in the JSON protocol; any other is left as it is.
        emulator: asked for the queue's own time-out.
        clock: the time scale.
    """
    try:
        asked = json.loads(request.body)
        seconds = asked.get("VisibilityTimeout")
        if seconds is None:
            attributes = emulator.client("sqs").get_queue_attributes(
                QueueUrl=asked["QueueUrl"], AttributeNames=["VisibilityTimeout"]
            )["Attributes"]
            seconds = int(attributes["VisibilityTimeout"])
    except (ValueError, KeyError, AttributeError):
        return request
    body = json.dumps({**asked, "VisibilityTimeout": math.ceil(clock.real(seconds))}).encode()
    headers = [(name, str(len(body)) if name == "content-length" else value) for name, value in request.headers]
    return replace(request, body=body, headers=headers)
