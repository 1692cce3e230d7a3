"""The one logger: Powertools' JSON lines, with the pipeline's keys.

Keys of every line: ``level``, ``location``, ``message``, ``timestamp``, ``service``, ``correlation_id``,
``function_name``, ``function_request_id``, ``cold_start``, ``xray_trace_id``. Payloads are never logged.
"""

import logging

from aws_lambda_powertools import Logger

logger = Logger()
# Lambda sets the root logger to the function's level; the SDK's lines would come without the pipeline's keys.
for noisy in ("boto3", "botocore", "urllib3"):
    logging.getLogger(noisy).setLevel(logging.WARNING)
