"""The one logger: Powertools' JSON lines, with the pipeline's keys.

Keys of every line: ``level``, ``location``, ``message``, ``timestamp``, ``service``, ``correlation_id``,
``function_name``, ``function_request_id``, ``cold_start``, ``xray_trace_id``. Payloads are never logged.
"""

import logging
import os

from aws_lambda_powertools import Logger

logger = Logger()
if logger.sampling_rate:
    # The function's level in Lambda is DEBUG then, or Lambda would drop the lines, and Powertools takes it for the
    # level of every invocation: AWS_LAMBDA_LOG_LEVEL goes before its own variable.
    logger.initial_log_level = os.environ.get("POWERTOOLS_LOG_LEVEL", "INFO")
    logging.getLogger().setLevel(logger.initial_log_level)
    logger.refresh_sample_rate_calculation()
# Lambda sets the root logger to the function's level; the SDK's lines would come without the pipeline's keys.
for noisy in ("boto3", "botocore", "urllib3"):
    logging.getLogger(noisy).setLevel(logging.WARNING)
