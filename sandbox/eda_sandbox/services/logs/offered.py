"""What the sandbox offers of CloudWatch Logs Insights; log groups, streams and events are the emulator's."""

from eda_sandbox.foundation.offered import Offered

OFFERED = Offered(
    "logs",
    "InvalidParameterException",
    {
        "DeleteQueryDefinition": "*",
        "DescribeQueries": "* queryLanguage=CWLI",
        "DescribeQueryDefinitions": "* queryLanguage=CWLI",
        "GetQueryResults": "*",
        "PutQueryDefinition": "* queryLanguage=CWLI -parameters ~clientToken",
        "StartQuery": "* queryLanguage=CWLI",
        "StopQuery": "*",
    },
)
