"""Page views that producers put themselves: raw files, curated files by one query each, and a view; no warehouse."""

import pulumi
from pulumi_aws_eda import AlarmTopic, AnalyticsChain, BatchedFirehoseSink, Observability, defaults

# A value that is none costs its own row at most: it is NULL there, and the row says so. Times are in UTC, with a Z.
QUERY = """
SELECT view_id, page, seen_at, milliseconds, IF(seen IS NOT NULL AND seen_at IS NULL, 'seen_at') AS invalid
FROM (
  SELECT view_id, lower(page) AS page, seen_at AS seen, TRY_CAST(milliseconds AS bigint) AS milliseconds,
    TRY(CAST(from_iso8601_timestamp(regexp_extract(seen_at, '^....-.*Z$')) AT TIME ZONE 'UTC' AS timestamp)) AS seen_at
  FROM {rows} WHERE milliseconds >= 0
)
"""

TAGS = {"project": pulumi.get_project(), "environment": pulumi.get_stack()}
defaults(tags=TAGS, log_retention_in_days=90, alarm_actions=[AlarmTopic("alarms", {"tags": TAGS}).topic_arn])

sink = BatchedFirehoseSink(
    "views",
    {
        "direct_put": {"columns": {"view_id": "string", "page": "string", "seen_at": "string", "milliseconds": "int"}},
        "buffering_interval": 60,
        "prefix": "raw/views/",
    },
)
chain = AnalyticsChain(
    "page-views",
    {
        "query": {
            "bucket_name": sink.bucket_name,
            "prefix": "raw/views/",
            "database_name": sink.database_name,
            "table_name": sink.table_name,
            "query": QUERY,
            "columns": {
                "view_id": "string",
                "page": "string",
                "seen_at": "timestamp",
                "milliseconds": "bigint",
                "invalid": "string",
            },
            "invalid_column": "invalid",
            # Firehose may deliver a record twice; the view shows it once.
            "view": {"name": "page_views", "key": "view_id", "version_column": "milliseconds"},
            "curated_prefix": "curated/views/",
        },
    },
)
Observability("observability", {"observed": [sink.observed, chain.observed]})
pulumi.export("delivery_stream_name", sink.delivery_stream_name)
pulumi.export("database_name", chain.database_name)
pulumi.export("view_name", chain.view_name)
pulumi.export("athena_workgroup_name", chain.athena_workgroup_name)
pulumi.export("query_dlq_url", chain.query_dead_letter_queue_url)
