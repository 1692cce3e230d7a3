"""A domain of one's own for an API."""

import re
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts.args import ArgumentError, check
from pulumi_aws_eda._parts.common import Common

_BASE_PATH = re.compile(r"[A-Za-z0-9_.-]{1,128}")


class DomainArgs(TypedDict):
    """A domain of one's own. Its DNS record, an alias of ``domain_target_name``, is made where its zone is."""

    domain_name: pulumi.Input[str]
    """The name, for example ``api.example.com``."""
    certificate_arn: pulumi.Input[str]
    """A certificate of ACM for the name, in the API's region, that is issued."""
    base_path: NotRequired[str]
    """The first part of the paths, by which several APIs share a domain: letters, digits and ``._-``; default: none,
    the whole domain is the API's."""


def check_domain(component: str, given: DomainArgs | None) -> None:
    """Check the argument.

    Raises:
        ArgumentError: it is not allowed.
    """
    if given is None:
        return
    where = f"{component}, domain"
    check(where, given, DomainArgs)
    path = given.get("base_path")
    if path is not None and not _BASE_PATH.fullmatch(path):
        problem = f"is {path!r}; it must be one part of a path, of letters, digits and ._-, without slashes"
        raise ArgumentError(where, "base_path", problem)


def domain(
    common: Common, given: DomainArgs, api_id: pulumi.Input[str], stage: aws.apigateway.Stage
) -> aws.apigateway.DomainName:
    """The domain, and the stage at it."""
    made = aws.apigateway.DomainName(
        f"{common.name}-domain",
        domain_name=given["domain_name"],
        regional_certificate_arn=given["certificate_arn"],
        endpoint_configuration={"types": "REGIONAL"},
        security_policy="TLS_1_2",
        tags=common.tags,
        opts=common.opts(),
    )
    aws.apigateway.BasePathMapping(
        f"{common.name}-domain",
        rest_api=api_id,
        stage_name=stage.stage_name,
        domain_name=made.domain_name,
        base_path=given.get("base_path"),
        opts=common.opts(),
    )
    return made
