"""The fields that states have, by their type and the language that they are written in."""

TYPES = ("Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")
PATHS = (
    *("InputPath", "OutputPath", "ItemsPath", "SecondsPath", "TimestampPath", "TimeoutSecondsPath"),
    *("HeartbeatSecondsPath", "MaxConcurrencyPath", "ToleratedFailureCountPath", "ToleratedFailurePercentagePath"),
)
TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "Assign")
DISTRIBUTED = frozenset({"ItemReader", "ItemBatcher", "ResultWriter", "Label"})
"""Fields of Map states in distributed mode."""

_ALL = {"Type", "Comment", "QueryLanguage"}
_FLOW = {"Next", "End"}
_ERRORS = {"Retry", "Catch"}
_TIMES = {"TimeoutSeconds", "HeartbeatSeconds"}
_MAP = {"ItemProcessor", "Iterator", "MaxConcurrency", "ToleratedFailureCount", "ToleratedFailurePercentage"}
_FILTERS = {"InputPath", "OutputPath", "Assign"}
_RESULT = {"Parameters", "ResultSelector", "ResultPath"}


def _at_paths(names: set[str]) -> set[str]:
    return {f"{name}Path" for name in names}


_JSONPATH: dict[str, set[str]] = {
    "Task": _FILTERS | _FLOW | _RESULT | _ERRORS | _TIMES | _at_paths(_TIMES) | {"Resource", "Credentials"},
    "Pass": _FILTERS | _FLOW | {"Parameters", "Result", "ResultPath"},
    "Choice": _FILTERS | {"Choices", "Default"},
    "Wait": _FILTERS | _FLOW | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
    "Succeed": {"InputPath", "OutputPath"},
    "Fail": {"Error", "Cause", "ErrorPath", "CausePath"},
    "Parallel": _FILTERS | _FLOW | _RESULT | _ERRORS | {"Branches"},
    "Map": _FILTERS
    | _FLOW
    | _RESULT
    | _ERRORS
    | _MAP
    | {"ItemsPath", "ItemSelector", "MaxConcurrencyPath"}
    | {"ToleratedFailureCountPath", "ToleratedFailurePercentagePath"},
}
_RESULTS = {"Assign", "Output"}
_JSONATA: dict[str, set[str]] = {
    "Task": _FLOW | _ERRORS | _RESULTS | _TIMES | {"Resource", "Credentials", "Arguments"},
    "Pass": _FLOW | _RESULTS,
    "Choice": _RESULTS | {"Choices", "Default"},
    "Wait": _FLOW | _RESULTS | {"Seconds", "Timestamp"},
    "Succeed": {"Output"},
    "Fail": {"Error", "Cause"},
    "Parallel": _FLOW | _ERRORS | _RESULTS | {"Branches", "Arguments"},
    "Map": _FLOW | _ERRORS | _RESULTS | _MAP | {"Items", "ItemSelector"},
}


def allowed(kind: str, language: str) -> set[str]:
    """The fields of a state."""
    return _ALL | (_JSONATA if language == "JSONata" else _JSONPATH)[kind]
