"""Quotas of AWS that the pipeline's limits are measured by: each number with its source, here and nowhere else.

Names and codes are those of Service Quotas, from lists that were made of its API (the module request-quota-increase of
gruntwork-io/terraform-aws-utilities, 2026-01; API Gateway's burst: the runbooks of AWS Resilience Hub). A quota without
a code is not to be read from there. Defaults are of an account that is not new: a new one has less, of Step Functions'
transitions and of Lambda's concurrency, until AWS raises it by usage.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

LARGE = ("us-east-1", "us-west-2", "eu-west-1")
"""The regions that Step Functions and Firehose give more."""
SMALL = (
    *("af-south-1", "eu-south-1", "ap-southeast-3", "me-central-1", "ap-south-2", "ap-southeast-4", "eu-south-2"),
    *("eu-central-2", "il-central-1", "ca-west-1", "ap-southeast-5", "ap-southeast-7", "mx-central-1"),
)
"""The regions that API Gateway gives less."""
_STATES = "docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"
_API = "docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"
_LAMBDA = "docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_ATHENA = "docs.aws.amazon.com/athena/latest/ug/service-limits.html"
_FIREHOSE = "docs.aws.amazon.com/firehose/latest/dev/limits.html"
_TABLE = "docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html"


@dataclass(frozen=True)
class Quota:
    """A quota of an account in a region, or of a resource where it says so.

    Attributes:
        service: its code in Service Quotas.
        name: as Service Quotas, or else the source, has it.
        default: what an account has that asked for nothing.
        source: the page that says so.
        code: its code in Service Quotas; empty: it is not to be read there.
        regions: defaults of regions that have others.
    """

    service: str
    name: str
    default: float
    source: str
    code: str = ""
    regions: Mapping[str, float] = field(default_factory=dict, hash=False)

    def of(self, region: str) -> float:
        """The default in a region."""
        return self.regions.get(region, self.default)


def _large(value: float) -> dict[str, float]:
    return dict.fromkeys(LARGE, value)


API_RATE = Quota("apigateway", "Throttle rate", 10_000, _API, "L-8A5B8E43", dict.fromkeys(SMALL, 2_500))
API_BURST = Quota("apigateway", "Throttle burst rate", 5_000, _API, "L-CDF5615A", dict.fromkeys(SMALL, 1_250))
START_RATE = Quota(
    "states", "StartExecution throttle token refill rate per second", 150, _STATES, "L-1B55A735", _large(300)
)
START_BUCKET = Quota("states", "StartExecution throttle token bucket size", 800, _STATES, "L-CE9F8059", _large(1_300))
TRANSITION_RATE = Quota(
    "states", "StateTransition throttle token refill rate per second", 800, _STATES, "L-AD9B4E93", _large(5_000)
)
TRANSITION_BUCKET = Quota(
    "states", "StateTransition throttle token bucket size", 800, _STATES, "L-137B3F65", _large(5_000)
)
TOKEN_RATE = Quota(
    "states", "SendTaskSuccess throttle token refill rate per second", 300, _STATES, "L-EACE83FA", _large(500)
)
OPEN_EXECUTIONS = Quota("states", "Open executions", 1_000_000, _STATES, "L-B8A5B662")
CONCURRENCY = Quota("lambda", "Concurrent executions", 1_000, _LAMBDA, "L-B99A9384")
LOG_CALLS = Quota(
    "logs",
    "PutLogEvents throttle limit in transactions per second",
    5_000,
    "docs.aws.amazon.com/general/latest/gr/cwl_region.html",
    "L-7E1FAE88",
)
NEW_TABLE = Quota("dynamodb", "writes a second of a new on-demand table", 4_000, _TABLE)
TABLE_WRITES = Quota(
    "dynamodb",
    "Table-level write throughput limit",
    40_000,
    "docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html",
    "L-AB614373",
)
PARTITION_WRITES = Quota(
    "dynamodb",
    "write units a second of a partition, so of one key of an index",
    1_000,
    "docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html",
)
DELIVERY_BYTES = Quota(
    "firehose", "bytes a second of a Direct PUT stream", 1024**2, _FIREHOSE, regions=_large(5 * 1024**2)
)
ATHENA_CALLS = Quota("athena", "Replenishment rate of StartQueryExecution API calls", 20, _ATHENA, "L-4FF11DD3")
# It varies by region, and only these two are known of a source: what others have is read from the account.
ATHENA_QUERIES = Quota("athena", "Active DML queries", 100, _ATHENA, "L-FC5F6546", {"us-east-1": 200})
GLUE_RUNS = Quota(
    "glue", "Max concurrent job runs per account", 200, "docs.aws.amazon.com/general/latest/gr/glue.html", "L-5E4153CA"
)

NEW_CONCURRENCY = 10
"""Concurrent executions of a new account, as it was seen (Lambda's page says only that it has fewer)."""
CALLS_PER_CONCURRENCY = 10
"""Synchronous requests a second that Lambda takes for each concurrent execution (Lambda quotas, invocation rate)."""
UNRESERVED_MINIMUM = 100
"""Concurrent executions that Lambda keeps unreserved (PutFunctionConcurrency)."""
WAREHOUSES = 25
"""Redshift Serverless namespaces, and workgroups, of an account and region (Redshift documentation, quotas)."""
SUBNET_ZONES = 2
"""Availability zones of a workgroup's subnets without enhanced VPC routing; with it, and by older pages, three
(Redshift Serverless, considerations)."""
SUBNET_ADDRESSES = 3
"""Free addresses of each of its subnets without enhanced VPC routing (Redshift Serverless, considerations)."""
