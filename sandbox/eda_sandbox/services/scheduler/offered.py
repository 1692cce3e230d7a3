"""What the sandbox offers of EventBridge Scheduler."""

from eda_sandbox.foundation.offered import Offered

_SCHEDULE = (
    "* -Target.EcsParameters -Target.EventBridgeParameters -Target.KinesisParameters "
    "-Target.SageMakerPipelineParameters ~KmsKeyArn"
)
OFFERED = Offered(
    "scheduler",
    "ValidationException",
    {
        "CreateSchedule": _SCHEDULE,
        "CreateScheduleGroup": "*",
        "DeleteSchedule": "* ~ClientToken",
        "DeleteScheduleGroup": "* ~ClientToken",
        "GetSchedule": "*",
        "GetScheduleGroup": "*",
        "ListScheduleGroups": "*",
        "ListSchedules": "*",
        "ListTagsForResource": "*",
        "TagResource": "*",
        "UntagResource": "*",
        "UpdateSchedule": _SCHEDULE,
    },
)
