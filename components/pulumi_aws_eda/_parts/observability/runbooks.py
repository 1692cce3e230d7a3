"""Which page says what to do when an alarm goes off: what it means, what to look at, how to redrive."""

import pulumi

PAGES = {
    ("AWS/ApiGateway", "5XXError"): "api-server-errors",
    ("AWS/EventBridge/Pipes", "ExecutionFailed"): "pipe-failures",
    ("AWS/EventBridge/Pipes", "ExecutionPartiallyFailed"): "pipe-failures",
    ("AWS/EventBridge/Pipes", "ExecutionThrottled"): "pipe-throttled",
    ("AWS/EventBridge/Pipes", "ExecutionTimeout"): "pipe-failures",
    ("AWS/Events", "FailedInvocations"): "rule-failed-invocations",
    ("AWS/Events", "TriggeredRules"): "load-overdue",
    ("AWS/Firehose", "DeliveryToS3.DataFreshness"): "delivery-freshness",
    ("AWS/Firehose", "DeliveryToS3.Success"): "delivery-failures",
    ("AWS/Firehose", "FailedConversion.Records"): "delivery-conversion",
    ("AWS/Firehose", "KinesisMillisBehindLatest"): "delivery-behind",
    ("AWS/Firehose", "ThrottledRecords"): "delivery-throttled",
    ("AWS/Lambda", "Errors"): "function-errors",
    ("AWS/Lambda", "Throttles"): "function-throttles",
    ("AWS/QuickSight", "IngestionErrorCount"): "ingestion-errors",
    ("AWS/SNS", "NumberOfNotificationsFailedToRedriveToDlq"): "topic-undelivered",
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): "dead-letters",
    ("AWS/States", "ExecutionsFailed"): "executions-failed",
    ("AWS/States", "ExecutionsTimedOut"): "executions-failed",
    ("EventDriven", "InvalidRows"): "invalid-rows",
    ("EventDriven", "RowsSettled"): "rows-settled",
}
"""Pages by the namespace and the metric that an alarm watches; a component names another where its own says more."""
FOLDER = "docs/runbooks"
"""Where the pages lie in this repository."""


def link(page: str) -> str:
    """Where a page is read: below the config value ``aws-eda:runbook_url``, the address under which the folder of the
    pages is published; by default its path in this repository.

    Args:
        page: the file's name without its ending.
    """
    base = pulumi.Config("aws-eda").get("runbook_url") or FOLDER
    return f"{base.rstrip('/')}/{page}.md"
