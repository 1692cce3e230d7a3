"""The changes of a table that another stack owns, as Parquet files that Athena can query."""

import pulumi
from pulumi_aws_eda import AlarmTopic, BatchedFirehoseSink, Observability, defaults

TAGS = {"project": pulumi.get_project(), "environment": pulumi.get_stack()}
defaults(tags=TAGS, log_retention_in_days=90, alarm_actions=[AlarmTopic("alarms", {"tags": TAGS}).topic_arn])

config = pulumi.Config()
sink = BatchedFirehoseSink(
    "devices",
    {
        "table_stream_source": {
            # The table exists; its stream has NEW_AND_OLD_IMAGES. Rows without a version never flow.
            "stream_arn": config.require("stream_arn"),
            "key": "device_id",
            "attributes": ["firmware", "location"],
            "version_attribute": "version",
        },
        "buffering_interval": 60,
        "prefix": "raw/devices/",
    },
)
Observability("observability", {"observed": [sink.observed]})
pulumi.export("bucket_name", sink.bucket_name)
pulumi.export("database_name", sink.database_name)
pulumi.export("table_name", sink.table_name)
pulumi.export("dead_letter_queue_url", sink.dead_letter_queue_url)
