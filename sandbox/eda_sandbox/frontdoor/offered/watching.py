"""What the sandbox offers of CloudWatch and its logs; Insights is a service of its own."""

from eda_sandbox.foundation.offered import Offered

CLOUDWATCH = Offered(
    "cloudwatch",
    "InvalidParameterValue",
    {
        "DeleteAlarms": "*",
        "DeleteDashboards": "*",
        "DescribeAlarms": "AlarmNames AlarmNamePrefix AlarmTypes StateValue MaxRecords NextToken",
        "GetDashboard": "*",
        "GetMetricStatistics": "*",
        "ListDashboards": "DashboardNamePrefix",
        "ListMetrics": "Namespace MetricName Dimensions",
        "ListTagsForResource": "*",
        "PutDashboard": "DashboardName DashboardBody",
        "PutMetricAlarm": "AlarmName AlarmDescription ActionsEnabled OKActions AlarmActions InsufficientDataActions "
        "MetricName Namespace Statistic ExtendedStatistic Dimensions Period Unit EvaluationPeriods DatapointsToAlarm "
        "Threshold ComparisonOperator TreatMissingData Tags ~EvaluateLowSampleCountPercentile",
        "PutMetricData": "Namespace MetricData ~MetricData.StorageResolution",
        "TagResource": "*",
        "UntagResource": "*",
    },
    "InvalidAction",
)
LOGS = Offered(
    "logs",
    "InvalidParameterException",
    {
        "AssociateKmsKey": "logGroupName kmsKeyId",
        "CreateLogGroup": "logGroupName kmsKeyId tags ~logGroupClass",
        "CreateLogStream": "*",
        "DeleteLogGroup": "*",
        "DeleteLogStream": "*",
        "DeleteResourcePolicy": "policyName",
        "DeleteRetentionPolicy": "*",
        "DescribeLogGroups": "logGroupNamePrefix logGroupNamePattern nextToken limit logGroupClass",
        "DescribeLogStreams": "logGroupName logStreamNamePrefix orderBy descending nextToken limit",
        "DescribeResourcePolicies": "",
        "DisassociateKmsKey": "logGroupName",
        "FilterLogEvents": "logGroupName logGroupIdentifier logStreamNames startTime endTime filterPattern limit "
        "nextToken ~interleaved",
        "GetLogEvents": "logGroupName logGroupIdentifier logStreamName startTime endTime nextToken limit startFromHead",
        "ListTagsForResource": "*",
        "ListTagsLogGroup": "*",
        "PutLogEvents": "logGroupName logStreamName logEvents ~sequenceToken",
        "PutResourcePolicy": "policyName policyDocument",
        "PutRetentionPolicy": "*",
        "TagResource": "*",
        "UntagResource": "*",
    },
)
