"""Refreshes the SPICE data sets after a load.

In: EventBridge's ``Redshift Data Statement Status Change``; only loads that FINISHED count. Out: the outcome of each
data set. Events may repeat.
"""

import json
from typing import Any

import boto3
from eda_runtime import metrics, settings
from eda_runtime.dead_letters import DeadLetters
from eda_runtime.ledger import Ledger
from eda_runtime.logger import logger
from eda_runtime.spice import Outcome, SpiceRefreshes

_data_set_ids: list[str] = json.loads(settings.text("DATA_SET_IDS"))
_prefix = settings.text("STATEMENT_PREFIX")
_ledger = Ledger(boto3.client("dynamodb"), settings.text("LEDGER_TABLE"))
_refreshes = SpiceRefreshes(
    _ledger,
    boto3.client("quicksight"),
    DeadLetters(_ledger, boto3.client("sqs"), settings.text("DEAD_LETTER_QUEUE_URL"), logger),
    settings.text("ACCOUNT_ID"),
    settings.integer("MAX_ATTEMPTS", 3, minimum=1),
)


def handle(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Handle one event; a data set that fails does not keep the others from being refreshed."""
    detail = event["detail"]
    if detail.get("state") != "FINISHED" or not detail.get("statementName", "").startswith(_prefix):
        return {}
    # The batch's own id; the orders' ids are those that its load is joined to.
    logger.set_correlation_id(detail["statementId"])
    outcomes: dict[str, str] = {}
    failures: list[Exception] = []
    for data_set_id in _data_set_ids:
        try:
            outcome = _refreshes.request(data_set_id, detail["statementId"])
            outcomes[data_set_id] = outcome.value
            if outcome is Outcome.NOTHING:
                logger.info("repeat", data_set_id=data_set_id, **metrics.suppressed("completion event"))
        except Exception as error:
            logger.exception("refresh not started", data_set_id=data_set_id)
            failures.append(error)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(_data_set_ids)} data sets are not refreshed", failures)
    return outcomes
