"""What the sandbox offers of EventBridge."""

from eda_sandbox.foundation.offered import Offered

_TARGET = (
    "Rule EventBusName Targets.Id Targets.Arn Targets.RoleArn Targets.Input Targets.InputPath Targets.InputTransformer "
    "Targets.SqsParameters Targets.DeadLetterConfig Targets.RetryPolicy"
)
OFFERED = Offered(
    "events",
    "ValidationException",
    {
        "CreateArchive": "*",
        "CreateEventBus": "* -EventSourceName LogConfig.Level=OFF ~LogConfig.IncludeDetail ~KmsKeyIdentifier",
        "DeleteArchive": "*",
        "DeleteEventBus": "*",
        "DeleteRule": "* ~Force",
        "DescribeArchive": "*",
        "DescribeEventBus": "*",
        "DescribeReplay": "*",
        "DescribeRule": "*",
        "DisableRule": "*",
        "EnableRule": "*",
        "ListArchives": "*",
        "ListEventBuses": "*",
        "ListReplays": "*",
        "ListRuleNamesByTarget": "*",
        "ListRules": "*",
        "ListTagsForResource": "*",
        "ListTargetsByRule": "*",
        "PutEvents": "Entries ~Entries.TraceHeader",
        "PutPermission": "EventBusName Policy",
        "PutRule": "* -ScheduleExpression State=ENABLED|DISABLED ~RoleArn",
        "PutTargets": _TARGET,
        "RemovePermission": "EventBusName RemoveAllPermissions=true",
        "RemoveTargets": "* ~Force",
        "StartReplay": "*",
        "TagResource": "*",
        "TestEventPattern": "*",
        "UntagResource": "*",
        "UpdateArchive": "*",
        "UpdateEventBus": "* LogConfig.Level=OFF ~LogConfig.IncludeDetail ~KmsKeyIdentifier",
    },
)
