"""Subnets with and without a way to S3, in VPCs of the local AWS."""

from dataclasses import dataclass
from typing import Any

import pytest

from operations.account_check.network import check_routes, check_security_groups, check_subnets


@dataclass(frozen=True)
class Network:
    """A VPC with a subnet in each of two availability zones, and a security group that lets everything out."""

    ec2: Any
    vpc_id: str
    subnet_ids: tuple[str, ...]
    group_id: str

    @property
    def settings(self) -> dict[str, Any]:
        return {"vpc": {"subnet_ids": list(self.subnet_ids), "security_group_ids": [self.group_id]}}

    @property
    def main_table(self) -> str:
        filters = [{"Name": "vpc-id", "Values": [self.vpc_id]}, {"Name": "association.main", "Values": ["true"]}]
        return self.ec2.describe_route_tables(Filters=filters)["RouteTables"][0]["RouteTableId"]


def made(client) -> Network:
    ec2 = client("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet_ids = tuple(
        ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.1.{number}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate("ab")
    )
    group_id = ec2.create_security_group(VpcId=vpc_id, GroupName="instances", Description="instances")["GroupId"]
    return Network(ec2, vpc_id, subnet_ids, group_id)


@pytest.fixture
def network(client) -> Network:
    return made(client)


def line(check, account) -> str:
    (found,) = check(account)
    return found.line


def test_without_a_vpc_there_is_nothing_to_look_at(account_of):
    account = account_of()
    assert [*check_subnets(account), *check_routes(account), *check_security_groups(account)] == []


def test_subnets(account_of, network, client):
    settings = network.settings
    assert line(check_subnets, account_of(**settings)) == "ok       subnets: 2 in us-east-1a, us-east-1b"
    settings["vpc"]["subnet_ids"] = [network.subnet_ids[0]]
    assert line(check_subnets, account_of(initial_instance_count=2, **settings)).startswith(
        "note     subnets: all are in us-east-1a, and the endpoint goes down with it. To do: add a subnet"
    )
    other = made(client)
    settings["vpc"]["subnet_ids"] = [network.subnet_ids[0], other.subnet_ids[0]]
    assert line(check_subnets, account_of(**settings)).startswith("problem  subnets: they are of several VPCs: vpc-")
    assert list(check_routes(account_of(**settings))) == []
    settings["vpc"]["subnet_ids"] = ["subnet-0123456789abcdef0"]
    assert line(check_subnets, account_of(**settings)).startswith(
        "problem  subnets: not all of subnet-0123456789abcdef0 exist in us-east-1"
    )


def test_a_gateway_endpoint_and_the_command_that_makes_it(account_of, network):
    account = account_of(**network.settings)
    (found,) = check_routes(account)
    assert found.status == "problem"
    assert found.text == (
        f"{', '.join(network.subnet_ids)} have neither an S3 gateway endpoint nor a NAT route: every load of a model "
        "times out"
    )
    assert found.advice == (
        f"aws ec2 create-vpc-endpoint --vpc-id {network.vpc_id} --service-name com.amazonaws.us-east-1.s3 "
        f"--route-table-ids {network.main_table} --region us-east-1"
    )
    network.ec2.create_vpc_endpoint(
        VpcId=network.vpc_id, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[network.main_table]
    )
    assert line(check_routes, account) == "ok       route to S3: every subnet has an endpoint of the VPC"


def test_a_subnet_with_a_route_table_of_its_own_is_cut_off_alone(account_of, network):
    network.ec2.create_vpc_endpoint(
        VpcId=network.vpc_id, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[network.main_table]
    )
    table = network.ec2.create_route_table(VpcId=network.vpc_id)["RouteTable"]["RouteTableId"]
    network.ec2.associate_route_table(RouteTableId=table, SubnetId=network.subnet_ids[1])
    (found,) = check_routes(account_of(**network.settings))
    assert found.text.startswith(f"{network.subnet_ids[1]} have neither")
    assert f"--route-table-ids {table} " in found.advice


def test_a_nat_gateway_leads_out_and_an_internet_gateway_does_not(account_of, network):
    ec2, account = network.ec2, account_of(**network.settings)
    internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=network.vpc_id)
    ec2.create_route(RouteTableId=network.main_table, DestinationCidrBlock="0.0.0.0/0", GatewayId=internet)
    assert line(check_routes, account).startswith("problem  route to S3: ")
    ec2.delete_route(RouteTableId=network.main_table, DestinationCidrBlock="0.0.0.0/0")
    nat = ec2.create_nat_gateway(SubnetId=network.subnet_ids[0], ConnectivityType="private")["NatGateway"]
    ec2.create_route(
        RouteTableId=network.main_table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat["NatGatewayId"]
    )
    assert line(check_routes, account) == "ok       route to S3: every subnet has a default route"


def test_an_interface_endpoint_does_where_names_lead_to_it(account_of, network, answer):
    endpoint = {"ServiceName": "com.amazonaws.us-east-1.s3", "State": "available", "VpcEndpointType": "Interface"}
    account = account_of(**network.settings)
    for private_dns, status in ((False, "problem"), (True, "ok")):
        answer(DescribeVpcEndpoints={"VpcEndpoints": [{**endpoint, "PrivateDnsEnabled": private_dns}]})
        (found,) = check_routes(account)
        assert found.status == status


def test_the_gateway_endpoint_in_china(account_of, network, answer):
    tables = {"RouteTables": [{"RouteTableId": "rtb-1", "Routes": [], "Associations": [{"Main": True}]}]}
    subnets = {"Subnets": [{"SubnetId": network.subnet_ids[0], "VpcId": "vpc-1", "AvailabilityZone": "cn-north-1a"}]}
    answer(DescribeRouteTables=tables, DescribeSubnets=subnets)
    (found,) = check_routes(account_of(region="cn-north-1", **network.settings))
    assert "--service-name cn.com.amazonaws.cn-north-1.s3 " in found.advice


def test_security_groups(account_of, network, client):
    settings = network.settings
    account = account_of(**settings)
    assert line(check_security_groups, account) == "ok       security groups: HTTPS may go out"
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    network.ec2.revoke_security_group_egress(GroupId=network.group_id, IpPermissions=everything)
    (found,) = check_security_groups(account)
    assert (found.status, found.text) == ("problem", "none lets HTTPS out, and every load of a model times out")
    assert found.advice.startswith(f"aws ec2 authorize-security-group-egress --group-id {network.group_id} ")
    web = [{"IpProtocol": "tcp", "FromPort": 400, "ToPort": 500, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    network.ec2.authorize_security_group_egress(GroupId=network.group_id, IpPermissions=web)
    assert line(check_security_groups, account).startswith("ok ")
    foreign = made(client).group_id
    settings["vpc"]["security_group_ids"] = [foreign]
    assert line(check_security_groups, account_of(**settings)).startswith(
        f"problem  security groups: {foreign} are not in {network.vpc_id}"
    )
