"""Says before a deployment what the account lacks for the back half: Glue, Athena, Redshift Serverless, QuickSight."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from pipeline.config import StackConfig
from pipeline.lacks import Lack, looked
from pipeline.quotas import SUBNET_ADDRESSES, SUBNET_ZONES, WAREHOUSES

SECRETS_ROLE = "aws-quicksight-secretsmanager-role-v0"
"""The role with which QuickSight reads the secrets that its administrator selected (QuickSight, Secrets Manager)."""
ENGINE = "Athena engine version 3"
EVERYBODY = "IAM_ALLOWED_PRINCIPALS"
"""Lake Formation's name for: IAM alone decides."""


def check(client: Callable[[str], Any], settings: StackConfig, prefix: str) -> list[Lack]:
    """What is lacking.

    Args:
        client: gives clients by boto3's name of the service.
        settings: the stack's.
        prefix: what the names of its resources begin with, ``PROJECT-STACK-``.
    """
    lacks = [
        *looked("Lake Formation's settings", lambda: _catalog(client("lakeformation"))),
        *looked("Athena's engine versions", lambda: _athena(client("athena"))),
    ]
    if settings.redshift:
        lacks += looked("the warehouse's subnets", lambda: _network(client("ec2"), settings))
        lacks += looked("Redshift Serverless", lambda: _warehouses(client("redshift-serverless"), prefix))
    if settings.quicksight:
        account = settings.quicksight_principal_arn.split(":")[4]
        lacks += looked("QuickSight's subscription", lambda: _subscription(client("quicksight"), account))
        lacks += looked("QuickSight's VPC connection", lambda: _connection(client("quicksight"), settings))
        lacks += looked("QuickSight's access to secrets", lambda: _secrets(client("iam")))
    return lacks


def _catalog(lakeformation: Any) -> list[Lack]:
    found = lakeformation.get_data_lake_settings()["DataLakeSettings"]
    kinds = {"databases": "CreateDatabaseDefaultPermissions", "tables": "CreateTableDefaultPermissions"}
    governed = [
        kind
        for kind, member in kinds.items()
        if not any(
            each["Principal"].get("DataLakePrincipalIdentifier") == EVERYBODY and "ALL" in each.get("Permissions", [])
            for each in found.get(member, [])
        )
    ]
    if not governed:
        return []
    return [
        Lack(
            f"new {' and '.join(governed)} of the Glue catalog are governed by Lake Formation, which knows nothing of "
            "the stack's roles: Firehose, Athena and the functions would be refused",
            "in Lake Formation's Data Catalog settings use only IAM access control for new databases and tables, or "
            "grant the stack's roles database and tables after the first deployment",
        )
    ]


def _athena(athena: Any) -> list[Lack]:
    offered = {each["SelectedEngineVersion"] for each in athena.list_engine_versions()["EngineVersions"]}
    if ENGINE in offered:
        return []
    return [Lack(f"Athena offers no {ENGINE!r} in this region, but {sorted(offered)}", "deploy to another region")]


def _network(ec2: Any, settings: StackConfig) -> list[Lack]:
    fix = "name other subnets or security groups in the stack's config (subnet_ids, security_group_ids)"
    try:
        subnets = ec2.describe_subnets(SubnetIds=settings.subnet_ids)["Subnets"]
        groups = ec2.describe_security_groups(GroupIds=settings.security_group_ids)["SecurityGroups"]
    except ClientError as error:
        if not error.response["Error"]["Code"].endswith((".NotFound", ".Malformed")):
            raise
        return [Lack(error.response["Error"]["Message"], fix)]
    zones = {subnet["AvailabilityZoneId"] for subnet in subnets}
    full = [each["SubnetId"] for each in subnets if each["AvailableIpAddressCount"] < SUBNET_ADDRESSES]
    networks = {each["VpcId"] for each in (*subnets, *groups)}
    problems = [
        (
            len(zones) < SUBNET_ZONES,
            f"the warehouse's subnets lie in {len(zones)} availability zone; Redshift Serverless takes {SUBNET_ZONES}, "
            "in some regions and with enhanced VPC routing three",
        ),
        (bool(full), f"{', '.join(full)}: fewer than {SUBNET_ADDRESSES} addresses are free, which the warehouse needs"),
        (len(networks) > 1, f"subnets and security groups lie in more than one VPC: {', '.join(sorted(networks))}"),
    ]
    return [Lack(what, fix) for is_so, what in problems if is_so]


def _warehouses(serverless: Any, prefix: str) -> list[Lack]:
    lacks = []
    for kind in ("namespace", "workgroup"):
        pages = serverless.get_paginator(f"list_{kind}s").paginate()
        names = [each[f"{kind}Name"] for page in pages for each in page[f"{kind}s"]]
        if len(names) >= WAREHOUSES and not any(name.startswith(prefix.lower()) for name in names):
            what = f"the account has {len(names)} Redshift Serverless {kind}s of {WAREHOUSES} (default quota)"
            lacks.append(Lack(what, "delete one, or ask AWS Support for more; a raised quota is not seen from here"))
    return lacks


def _subscription(quicksight: Any, account: str) -> list[Lack]:
    fix = "subscribe the account to QuickSight, Enterprise edition, in its console; no stack can do it"
    try:
        found = quicksight.describe_account_subscription(AwsAccountId=account)["AccountInfo"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return [Lack("the account has no subscription to QuickSight", fix)]
    if "ENTERPRISE" not in found.get("Edition", ""):
        return [
            Lack(f"QuickSight's edition is {found.get('Edition')}; only Enterprise reaches a private warehouse", fix)
        ]
    return []


def _connection(quicksight: Any, settings: StackConfig) -> list[Lack]:
    fix = "make a VPC connection in QuickSight's console, and name it in the stack's config"
    arn = settings.quicksight_vpc_connection_arn
    if not arn:
        what = "quicksight_vpc_connection_arn is none, and the warehouse is private: QuickSight does not reach it"
        return [Lack(what, fix)]
    account, identifier = arn.split(":")[4], arn.rpartition("/")[2]
    try:
        found = quicksight.describe_vpc_connection(AwsAccountId=account, VPCConnectionId=identifier)["VPCConnection"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return [Lack(f"there is no VPC connection {identifier!r} of QuickSight", fix)]
    if found.get("AvailabilityStatus") == "AVAILABLE":
        return []
    what = f"the VPC connection {identifier!r} is {found.get('AvailabilityStatus')} ({found.get('Status')})"
    return [Lack(what, "look at its network interfaces, subnets and role in QuickSight's console")]


def _secrets(iam: Any) -> list[Lack]:
    try:
        iam.get_role(RoleName=SECRETS_ROLE)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return [
            Lack(
                f"QuickSight may read no secret: its role {SECRETS_ROLE} is not there",
                "let it read one in its console, Security & permissions, AWS Secrets Manager; after the first "
                "deployment select the reader's secret too (docs/how-to/quicksight.md)",
            )
        ]
    return []
