"""Whether instances in a VPC reach S3. Where they do not, the endpoint comes up and every load of a model times out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from operations.account_check.account import Account, found
from operations.account_check.finding import Finding
from stacks.settings import Vpc

_EVERYWHERE = "0.0.0.0/0"
_HTTPS = 443
_AVAILABLE = "available"


def check_subnets(account: Account) -> Iterator[Finding]:
    """Whether the subnets exist, in one VPC and several availability zones."""
    vpc = account.settings.vpc
    if vpc is None:
        return
    subnets, vpc_ids = _described(account, vpc)
    zones = sorted({subnet["AvailabilityZone"] for subnet in subnets})
    if not subnets:
        text = f"not all of {', '.join(vpc.subnet_ids)} exist in {account.region}"
        yield Finding("subnets", "problem", text, "correct `vpc.subnet_ids`")
    elif len(vpc_ids) > 1:
        text = f"they are of several VPCs: {', '.join(vpc_ids)}"
        yield Finding("subnets", "problem", text, "name subnets of one VPC in `vpc.subnet_ids`")
    elif len(zones) == 1 and account.settings.initial_instance_count > 1:
        text = f"all are in {zones[0]}, and the endpoint goes down with it"
        yield Finding("subnets", "note", text, "add a subnet of another availability zone to `vpc.subnet_ids`")
    else:
        yield Finding("subnets", "ok", f"{len(subnets)} in {', '.join(zones)}")


def _described(account: Account, vpc: Vpc) -> tuple[Sequence[Mapping[str, Any]], list[str]]:
    """The subnets, none where one does not exist, and the VPCs they are in."""
    wanted = list(vpc.subnet_ids)
    answer = found(lambda: account.client("ec2").describe_subnets(SubnetIds=wanted), "InvalidSubnetID.NotFound")
    subnets = [] if answer is None else answer["Subnets"]
    return subnets, sorted({subnet["VpcId"] for subnet in subnets})


def check_routes(account: Account) -> Iterator[Finding]:
    """Whether every subnet has a way to S3."""
    vpc = account.settings.vpc
    if vpc is None:
        return
    subnets, vpc_ids = _described(account, vpc)
    if len(vpc_ids) != 1:
        return  # `check_subnets` says why
    (vpc_id,), ec2 = vpc_ids, account.client("ec2")
    of_vpc = [{"Name": "vpc-id", "Values": [vpc_id]}]
    tables = list(_pages(ec2, "describe_route_tables", "RouteTables", of_vpc))
    endpoints = [
        endpoint
        for endpoint in _pages(ec2, "describe_vpc_endpoints", "VpcEndpoints", of_vpc)
        if endpoint["ServiceName"].endswith(f".{account.region}.s3") and endpoint["State"].lower() == _AVAILABLE
    ]
    gateways = {table for endpoint in endpoints for table in endpoint.get("RouteTableIds", ())}
    # Every subnet of the VPC reaches an interface endpoint, if S3's name leads to it.
    private_dns = any(
        endpoint.get("VpcEndpointType") == "Interface" and endpoint.get("PrivateDnsEnabled") for endpoint in endpoints
    )
    cut_off = []
    for subnet in subnets:
        table = _table_of(subnet["SubnetId"], tables)
        if not (private_dns or (table and (table["RouteTableId"] in gateways or _leads_out(table)))):
            cut_off.append(subnet["SubnetId"])
    if not cut_off:
        way = "an endpoint of the VPC" if gateways or private_dns else "a default route"
        yield Finding("route to S3", "ok", f"every subnet has {way}")
        return
    without = sorted({table["RouteTableId"] for id_ in cut_off if (table := _table_of(id_, tables)) is not None})
    yield Finding(
        "route to S3",
        "problem",
        f"{', '.join(cut_off)} have neither an S3 gateway endpoint nor a NAT route: every load of a model times out",
        f"aws ec2 create-vpc-endpoint --vpc-id {vpc_id} --service-name {_service_name(account)} "
        f"--route-table-ids {' '.join(without)} --region {account.region}",
    )


def _service_name(account: Account) -> str:
    """The name of S3's gateway endpoint, which begins with the partition's domain backwards in China."""
    prefix = "cn.com.amazonaws" if account.region.startswith("cn-") else "com.amazonaws"
    return f"{prefix}.{account.region}.s3"


def _table_of(subnet_id: str, tables: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The route table of a subnet: its own, or the VPC's main one."""
    main = None
    for table in tables:
        for association in table["Associations"]:
            if association.get("SubnetId") == subnet_id:
                return table
            if association.get("Main"):
                main = table
    return main


def _leads_out(table: Mapping[str, Any]) -> bool:
    """Whether a route leads everywhere. An internet gateway does not: SageMaker's interfaces have no public address."""
    return any(
        route.get("DestinationCidrBlock") == _EVERYWHERE
        and route.get("State") == "active"
        and not route.get("GatewayId", "").startswith("igw-")
        for route in table["Routes"]
    )


def check_security_groups(account: Account) -> Iterator[Finding]:
    """Whether the security groups are of the VPC and let HTTPS out."""
    vpc = account.settings.vpc
    if vpc is None:
        return
    _, vpc_ids = _described(account, vpc)
    if len(vpc_ids) != 1:
        return
    (vpc_id,) = vpc_ids
    wanted = list(vpc.security_group_ids)
    ec2 = account.client("ec2")
    answer = found(lambda: ec2.describe_security_groups(GroupIds=wanted), "InvalidGroup.NotFound", "InvalidGroupId")
    groups = [] if answer is None else answer["SecurityGroups"]
    here = {group["GroupId"] for group in groups if group["VpcId"] == vpc_id}
    if set(wanted) - here:
        listed = ", ".join(sorted(set(wanted) - here) or wanted)
        yield Finding("security groups", "problem", f"{listed} are not in {vpc_id}", "correct `vpc.security_group_ids`")
    elif any(_lets_https_out(rule) for group in groups for rule in group["IpPermissionsEgress"]):
        yield Finding("security groups", "ok", "HTTPS may go out")
    else:
        yield Finding(
            "security groups",
            "problem",
            "none lets HTTPS out, and every load of a model times out",
            f"aws ec2 authorize-security-group-egress --group-id {wanted[0]} --protocol tcp --port {_HTTPS} "
            f"--cidr {_EVERYWHERE} --region {account.region}",
        )


def _lets_https_out(rule: Mapping[str, Any]) -> bool:
    if rule["IpProtocol"] == "-1":
        return True
    return rule["IpProtocol"] == "tcp" and rule["FromPort"] <= _HTTPS <= rule["ToPort"]


def _pages(ec2: Any, operation: str, key: str, filters: list[dict[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for page in ec2.get_paginator(operation).paginate(Filters=filters):
        yield from page[key]
