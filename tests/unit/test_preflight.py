"""What an account lacks is said before the deployment, at the first one and at each later one alike."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from typer.testing import CliRunner

from pipeline import config, documents, quotas, workload
from pipeline.__main__ import app
from pipeline.config import StackConfig, StackFile
from pipeline.preflight import check
from pipeline.preflight_quotas import AccountQuotas, remarks
from pipeline.quotas import Quota

ROOT = Path(__file__).parents[2]
PREFIX = "orders-prod-"
REGION = "eu-central-1"
# A page's number only: the stack's one job never meets it; the bucket of transitions delays and refuses nothing.
UNASKED = {quotas.GLUE_RUNS.code, quotas.TRANSITION_BUCKET.code}
BY_CODE = {found.code: found for found in vars(quotas).values() if isinstance(found, Quota) and found.code}
OPEN = {"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}


@cache
def order() -> workload.Order:
    """What an order of prod needs of each hop."""
    return workload.order(documents.recording("prod"))


class Account:
    """An account that lacks nothing for prod, and what is changed of it: an answer by operation, or an error code."""

    def __init__(self, **changes: Any) -> None:
        subnets = [
            {"SubnetId": f"subnet-{zone}", "AvailabilityZoneId": f"euc1-az{zone}", "AvailableIpAddressCount": 50}
            for zone in (1, 2, 3)
        ]
        self.answers: dict[str, Any] = {
            "get_account": {"cloudwatchRoleArn": "arn:aws:iam::123456789012:role/logs"},
            "get_account_settings": limits(1000, 1000),
            "get_function_concurrency": "ResourceNotFoundException",
            "get_service_quota": "NoSuchResourceException",
            "get_aws_default_service_quota": quota_values(),
            "get_data_lake_settings": {
                "DataLakeSettings": {
                    "CreateDatabaseDefaultPermissions": [OPEN],
                    "CreateTableDefaultPermissions": [OPEN],
                }
            },
            "list_engine_versions": {"EngineVersions": [{"SelectedEngineVersion": "Athena engine version 3"}]},
            "describe_subnets": {"Subnets": [{**subnet, "VpcId": "vpc-1"} for subnet in subnets]},
            "describe_security_groups": {"SecurityGroups": [{"GroupId": "sg-1", "VpcId": "vpc-1"}]},
            "list_namespaces": {"namespaces": []},
            "list_workgroups": {"workgroups": []},
            "describe_account_subscription": {"AccountInfo": {"Edition": "ENTERPRISE"}},
            "describe_vpc_connection": {"VPCConnection": {"AvailabilityStatus": "AVAILABLE"}},
            "get_role": {
                "Role": {
                    "Path": "/service-role/",
                    "RoleName": "aws-quicksight-secretsmanager-role-v0",
                    "RoleId": "AROA0123456789012345",
                    "Arn": "arn:aws:iam::123456789012:role/service-role/aws-quicksight-secretsmanager-role-v0",
                    "CreateDate": "2026-01-01T00:00:00Z",
                }
            },
            **changes,
        }
        self.asked: list[str] = []

    def client(self, service: str) -> Any:
        """A client that answers as the account does; requests and answers are checked against the API's model."""
        return _Answering(_client(service), self)

    def lacks(self, settings: StackConfig) -> list[str]:
        return [lack.what for lack in check(self.client, settings, PREFIX, self.quotas(), order())]

    def quotas(self) -> AccountQuotas:
        return AccountQuotas(self.client, REGION)


@cache
def _client(service: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]  # the name is known at run time
        service,
        region_name=REGION,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )


class _Answering:
    def __init__(self, client: Any, account: Account) -> None:
        self._client, self._account = client, account

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            self._account.asked.append(operation)
            answer = self._account.answers[operation]
            with Stubber(self._client) as stub:
                given = answer(request) if callable(answer) else answer
                if isinstance(given, str):
                    stub.add_client_error(operation, given, f"{operation} said so")
                else:
                    stub.add_response(operation, given)
                return getattr(self._client, operation)(**request)

        return call

    def get_paginator(self, operation: str) -> Any:
        account = self

        class Pages:
            def paginate(self) -> list[Any]:
                return [getattr(account, operation)()]

        return Pages()


def limits(quota: int, unreserved: int) -> dict[str, Any]:
    return {"AccountLimit": {"ConcurrentExecutions": quota, "UnreservedConcurrentExecutions": unreserved}}


def quota_values(**changed: float) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Quotas by the name they have in the module; others are the defaults."""
    values = {code: quota.of(REGION) for code, quota in BY_CODE.items()}
    values |= {getattr(quotas, name).code: value for name, value in changed.items()}
    services = {code: quota.service for code, quota in BY_CODE.items()}

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        assert request["ServiceCode"] == services[request["QuotaCode"]]
        return {"Quota": {"Value": values[request["QuotaCode"]]}}

    return answer


def reservations(**reserved: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    by_name = {PREFIX + name.replace("_", "-"): value for name, value in reserved.items()}
    return lambda request: {"ReservedConcurrentExecutions": by_name[request["FunctionName"]]}


@pytest.fixture
def prod() -> StackConfig:
    return config.load(StackFile.read(ROOT, "prod"))


def test_an_account_that_has_all_lacks_nothing(prod: StackConfig) -> None:
    assert Account().lacks(prod) == []


def test_the_functions_that_are_asked_for_are_those_that_reserve() -> None:
    made = documents.recording("prod").of("aws:lambda/function:Function")
    reserving = {it.inputs["name"] for it in made.values() if it.inputs.get("reservedConcurrentExecutions", -1) >= 0}
    assert reserving == {f"{PREFIX}get-order", f"{PREFIX}call-external-api"}


@pytest.mark.parametrize(
    ("quota", "unreserved", "own", "lacking"),
    [
        # The first deployment: 250 are reserved, and 100 stay.
        (350, 350, None, False),
        (349, 349, None, True),
        # The second one: what the stack has is taken off the free ones already.
        (350, 100, (200, 50), False),
        (350, 130, (200, 20), False),
        # Somebody else has reserved meanwhile.
        (350, 99, (200, 50), True),
        (350, 110, (100, 20), True),
    ],
)
def test_what_the_stack_has_reserved_is_free_for_it(
    prod: StackConfig, quota: int, unreserved: int, own: tuple[int, int] | None, lacking: bool
) -> None:
    changes: dict[str, Any] = {"get_account_settings": limits(quota, unreserved)}
    if own is not None:
        changes["get_function_concurrency"] = reservations(get_order=own[0], call_external_api=own[1])
    assert [("reserves 250" in what) for what in Account(**changes).lacks(prod)] == [True] * lacking


@pytest.mark.parametrize(("unreserved", "lacking"), [(130, 0), (129, 1)])
def test_what_the_file_leaves_out_has_the_programs_default(unreserved: int, lacking: int) -> None:
    values = {
        "orders:environment": "dev",
        "orders:external_api_url": "https://x.example",
        "orders:redshift": "false",
        "orders:quicksight": "false",
    }
    settings = config.load(StackFile("orders", values))
    assert (settings.get_concurrency, settings.call_concurrency) == (20, 10)
    assert len(Account(get_account_settings=limits(1000, unreserved)).lacks(settings)) == lacking


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"get_account": {}}, "API Gateway has no role to write logs with"),
        ({"get_data_lake_settings": {"DataLakeSettings": {}}}, "databases and tables of the Glue catalog are governed"),
        ({"list_engine_versions": {"EngineVersions": []}}, "Athena offers no"),
        ({"describe_subnets": "InvalidSubnetID.NotFound"}, "describe_subnets said so"),
        (
            {"list_namespaces": {"namespaces": [{"namespaceName": f"other-{n}"} for n in range(25)]}},
            "25 Redshift Server",
        ),
        ({"describe_account_subscription": "ResourceNotFoundException"}, "no subscription to QuickSight"),
        ({"describe_account_subscription": {"AccountInfo": {"Edition": "STANDARD"}}}, "edition is STANDARD"),
        ({"describe_vpc_connection": "ResourceNotFoundException"}, "no VPC connection 'orders'"),
        ({"describe_vpc_connection": {"VPCConnection": {"AvailabilityStatus": "UNAVAILABLE"}}}, "is UNAVAILABLE"),
        ({"get_role": "NoSuchEntity"}, "QuickSight may read no secret"),
        ({"get_role": "AccessDeniedException"}, "you may not look (GetRole"),
    ],
)
def test_each_thing_that_is_lacking_is_named(prod: StackConfig, changes: dict[str, Any], expected: str) -> None:
    [what] = Account(**changes).lacks(prod)
    assert expected in what


@pytest.mark.parametrize(
    ("zones", "addresses", "networks", "expected"),
    [
        ((1, 2), 3, ("vpc-1", "vpc-1"), []),
        ((1, 1), 3, ("vpc-1", "vpc-1"), ["in 1 availability zone"]),
        ((1, 2), 2, ("vpc-1", "vpc-1"), ["fewer than 3 addresses"]),
        ((1, 2), 3, ("vpc-1", "vpc-2"), ["more than one VPC: vpc-1, vpc-2"]),
    ],
)
def test_the_warehouses_subnets_are_looked_at(
    prod: StackConfig, zones: tuple[int, ...], addresses: int, networks: tuple[str, ...], expected: list[str]
) -> None:
    subnets = [
        {"SubnetId": "s", "AvailabilityZoneId": f"az{zone}", "AvailableIpAddressCount": addresses, "VpcId": network}
        for zone, network in zip(zones, networks, strict=True)
    ]
    found = Account(describe_subnets={"Subnets": subnets}).lacks(prod)
    assert len(found) == len(expected)
    assert all(part in what for part, what in zip(expected, found, strict=True))


def test_an_environment_is_looked_at_for_what_it_has(prod: StackConfig) -> None:
    account = Account()
    assert account.lacks(replace(prod, redshift=False, quicksight=False)) == []
    assert not {"describe_subnets", "list_namespaces", "get_role"} & set(account.asked)
    assert account.lacks(replace(prod, quicksight_vpc_connection_arn=""))[0].startswith("quicksight_vpc_connection_arn")
    full = [{"workgroupName": f"other-{number}"} for number in range(24)]
    own = Account(list_workgroups={"workgroups": [*full, {"workgroupName": "orders-prod-orders-analytics-load"}]})
    assert own.lacks(prod) == []


@pytest.mark.parametrize(
    ("changed", "rate", "expected"),
    [
        ({}, 66, []),
        (
            {},
            67,
            ["67 orders a second, which need 804 state transitions", "800 are to be had (the account's), for 66 or"],
        ),
        ({"TRANSITION_RATE": 2000}, 150, []),
        ({"TRANSITION_RATE": 2000}, 151, ["151 StartExecution a second"]),
        # A new account.
        ({"TRANSITION_RATE": 100, "CONCURRENCY": 10}, 8, ["43 concurrent executions"]),
        ({"TRANSITION_RATE": 100, "CONCURRENCY": 1000}, 9, ["for 8 orders"]),
        ({"API_RATE": 500}, 10, ["throttling_rate_limit is 528; 500"]),
        ({"API_BURST": 499}, 10, ["throttling_burst_limit is 500; 499 are to be had of 'Throttle burst rate'"]),
        ({"START_BUCKET": 100}, 10, ["100 are to be had of 'StartExecution throttle token bucket size'"]),
    ],
)
def test_the_stacks_limits_are_measured_by_the_accounts_quotas(
    prod: StackConfig, changed: dict[str, float], rate: int, expected: list[str]
) -> None:
    found = Account(get_service_quota=quota_values(**changed)).lacks(replace(prod, order_rate_limit=rate))
    assert bool(found) == bool(expected)
    assert all(part in found[0] for part in expected)


def test_what_is_to_be_asked_for_is_said_with_its_code(prod: StackConfig) -> None:
    account = Account()
    lacks = check(account.client, replace(prod, order_rate_limit=100), PREFIX, account.quotas(), order())
    assert lacks[0].fix == (
        "ask for 1,200 of 'StateTransition throttle token refill rate per second' (Service Quotas, states L-AD9B4E93), "
        "or lower order_rate_limit to 66 (docs/how-to/capacity.md)"
    )


def test_a_quota_is_read_once_and_what_was_never_raised_is_the_default_of_aws(prod: StackConfig) -> None:
    account = Account()
    read = account.quotas()
    assert check(account.client, prod, PREFIX, read, order()) == []
    said = remarks(read, prod, order())
    assert said[0].startswith("it serves 66 orders a second: 800 of 'StateTransition")
    assert said[0].endswith("(AWS's default)")
    assert "142,857 orders a day when all wait 7 days" in said[1]
    assert len(said) == 2
    assert account.asked.count("get_service_quota") == account.asked.count("get_aws_default_service_quota")
    assert account.asked.count("get_service_quota") == len({code for code in BY_CODE if code not in UNASKED})


@pytest.mark.parametrize("error", ["AccessDeniedException", "TooManyRequestsException"])
def test_quotas_that_may_not_be_read_are_the_documented_ones_and_that_is_said(prod: StackConfig, error: str) -> None:
    account = Account(get_service_quota=error, get_aws_default_service_quota=error)
    read = account.quotas()
    assert check(account.client, prod, PREFIX, read, order()) == []
    [lack] = check(account.client, replace(prod, order_rate_limit=67), PREFIX, read, order())
    assert "800 are to be had (as documented)" in lack.what
    assert f"GetServiceQuota: {error}" in remarks(read, prod, order())[-1]


@pytest.mark.parametrize(("transitions", "code"), [(800, 0), (100, 1)])
def test_the_command_says_what_the_account_serves_before_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, transitions: int, code: int
) -> None:
    account = Account(get_service_quota=quota_values(TRANSITION_RATE=transitions))

    class Session:
        region_name = REGION

        def client(self, service: str, endpoint_url: str | None) -> Any:
            return account.client(service)

    monkeypatch.setattr("pipeline.__main__.boto3.Session", lambda region_name: Session())
    done = CliRunner().invoke(app, ["preflight", "prod"])
    assert done.exit_code == code, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith(f"it serves {transitions // order().transitions} orders a second: ")
    assert lines[-1] == ("prod: 1 things are lacking" if code else "prod: nothing is lacking")
