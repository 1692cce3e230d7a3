"""Says before a deployment which of a stack's limits the account's quotas do not serve."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any

from botocore.exceptions import ClientError

from pipeline import quotas, workload
from pipeline.capacity import DAY, needs, peak
from pipeline.config import StackConfig
from pipeline.lacks import Lack
from pipeline.quotas import Quota

ACCOUNT, DEFAULT, DOCUMENTED = "the account's", "AWS's default", "as documented"


@dataclass(frozen=True)
class Reading:
    """A quota's value.

    Attributes:
        value: what is to be had.
        origin: who says so, in words.
    """

    value: float
    origin: str


class AccountQuotas:
    """An account's quotas in a region, each read once; one that may not be read is the documented default.

    Args:
        client: gives clients by boto3's name of the service.
        region: the stack's.
    """

    def __init__(self, client: Callable[[str], Any], region: str) -> None:
        self.region = region
        self.unread: dict[str, str] = {}
        """Why quotas could not be read: codes of errors, by operation."""
        # A client for each quota would load the service's model each time, and connect anew.
        self._client = cache(client)
        self._read: dict[Quota, Reading] = {}

    def read(self, quota: Quota) -> Reading:
        """The quota's value, and who says so."""
        if quota not in self._read:
            self._read[quota] = self._look(quota)
        return self._read[quota]

    def value(self, quota: Quota) -> float:
        """The quota's value."""
        return self.read(quota).value

    def _look(self, quota: Quota) -> Reading:
        if quota.code:
            service_quotas = self._client("service-quotas")
            # What was never raised may have no value of the account's own.
            for operation, origin in (("get_service_quota", ACCOUNT), ("get_aws_default_service_quota", DEFAULT)):
                try:
                    found = getattr(service_quotas, operation)(ServiceCode=quota.service, QuotaCode=quota.code)
                except ClientError as error:
                    code = error.response["Error"]["Code"]
                    if code != "NoSuchResourceException":
                        self.unread[error.operation_name] = code
                else:
                    return Reading(found["Quota"]["Value"], origin)
        return Reading(quota.of(self.region), DOCUMENTED)


def check(account: AccountQuotas, settings: StackConfig, order: workload.Order) -> list[Lack]:
    """What is lacking.

    Args:
        account: what is to be had.
        settings: the stack's.
        order: what one of its orders does.
    """
    rate = settings.order_rate_limit
    lacks = []
    for need in needs(order):
        found = account.read(need.quota)
        if need.sustained or need.amount(rate) <= found.value:
            continue
        wanted, serves = ceil(need.amount(rate)), need.serves(found.value)
        fix = f"ask for {wanted:,} of {_asked(need.quota)}" if need.quota.code else need.beyond
        what = (
            f"order_rate_limit lets in {rate} orders a second, which need {wanted:,} {need.what} ({need.hop}); "
            f"{found.value:,.0f} are to be had ({found.origin}), for {serves} orders"
        )
        lacks.append(Lack(what, f"{fix}, or lower order_rate_limit to {serves} (docs/how-to/capacity.md)"))
    limits = (
        ("throttling_rate_limit", settings.throttling_rate_limit, quotas.API_RATE),
        ("throttling_burst_limit", settings.throttling_burst_limit, quotas.API_BURST),
        ("throttling_burst_limit", settings.throttling_burst_limit, quotas.START_BUCKET),
    )
    for key, limit, quota in limits:
        found = account.read(quota)
        if limit > found.value:
            what = f"{key} is {limit}; {found.value:,.0f} are to be had of {_asked(quota)} ({found.origin})"
            lacks.append(Lack(what, f"ask for {limit}, or lower {key}"))
    return lacks


def remarks(account: AccountQuotas, settings: StackConfig, order: workload.Order) -> list[str]:
    """What the account serves, which lacks nothing: for hours, and for as long as orders wait."""
    rate, limiting = peak(needs(order), account.value)
    found, held = account.read(limiting.quota), account.read(quotas.OPEN_EXECUTIONS)
    wait = settings.details_timeout_seconds
    lines = [
        f"it serves {rate} orders a second: {found.value:,.0f} of {_asked(limiting.quota)} ({found.origin})",
        f"it holds {held.value:,.0f} open executions ({held.origin}): {held.value * DAY / wait:,.0f} orders a day when "
        f"all wait {wait / DAY:.3g} days for their details; order_rate_limit fills them in "
        f"{held.value / settings.order_rate_limit / 3600:.3g} hours",
    ]
    if account.unread:
        refused = ", ".join(f"{operation}: {code}" for operation, code in account.unread.items())
        lines.append(f"quotas that could not be read ({refused}) are {DOCUMENTED}; yours may be lower")
    return lines


def _asked(quota: Quota) -> str:
    return f"'{quota.name}' (Service Quotas, {quota.service} {quota.code})" if quota.code else f"'{quota.name}'"
