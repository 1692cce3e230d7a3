"""What the sandbox offers of X-Ray: traces, groups, and sampling rules that sample everything."""

from eda_sandbox.foundation.offered import Offered

OFFERED = Offered(
    "xray",
    "InvalidRequestException",
    {
        "BatchGetTraces": "*",
        "CreateGroup": "* ~InsightsConfiguration",
        "CreateSamplingRule": "* ~SamplingRule SamplingRule.RuleName SamplingRule.RuleARN SamplingRule.Version",
        "DeleteGroup": "*",
        "DeleteSamplingRule": "*",
        "GetGroup": "*",
        "GetGroups": "",
        "GetSamplingRules": "",
        "GetServiceGraph": "* -NextToken",
        "GetTraceGraph": "*",
        "GetTraceSummaries": "* Sampling=false -SamplingStrategy",
        "ListTagsForResource": "ResourceARN",
        "PutTelemetryRecords": "~TelemetryRecords ~EC2InstanceId ~Hostname ~ResourceARN",
        "PutTraceSegments": "*",
        "TagResource": "*",
        "UntagResource": "*",
        "UpdateGroup": "* ~InsightsConfiguration",
        "UpdateSamplingRule": "* ~SamplingRuleUpdate SamplingRuleUpdate.RuleName SamplingRuleUpdate.RuleARN",
    },
)
