"""The one logger: Powertools' JSON lines, with the pipeline's keys.

Keys of every line: ``level``, ``location``, ``message``, ``timestamp``, ``service``, ``correlation_id``,
``function_name``, ``function_request_id``, ``cold_start``, ``xray_trace_id``. Payloads are never logged.
"""

from aws_lambda_powertools import Logger

logger = Logger()
