"""What the sandbox offers of X-Ray: what a stack configures. Nothing is recorded, so it has no effect on traces."""

from eda_sandbox.foundation.offered import Offered

OFFERED = Offered(
    "xray",
    "InvalidRequestException",
    {
        "CreateGroup": "* ~FilterExpression ~InsightsConfiguration",
        "CreateSamplingRule": "* ~SamplingRule SamplingRule.RuleName SamplingRule.RuleARN SamplingRule.Version",
        "DeleteGroup": "*",
        "DeleteSamplingRule": "*",
        "GetGroup": "*",
        "GetGroups": "",
        "GetSamplingRules": "",
        "ListTagsForResource": "ResourceARN",
        "TagResource": "*",
        "UntagResource": "*",
        "UpdateGroup": "* ~FilterExpression ~InsightsConfiguration",
        "UpdateSamplingRule": "* ~SamplingRuleUpdate SamplingRuleUpdate.RuleName SamplingRuleUpdate.RuleARN",
    },
)
