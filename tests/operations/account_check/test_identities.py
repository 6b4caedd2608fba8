import json

from operations.account_check.identities import check_boundary, check_execution_role, check_key
from stacks.policies import trust_sagemaker

ACCOUNT = "123456789012"


def test_nothing_is_named(account_of):
    account = account_of()
    assert [*check_key(account), *check_execution_role(account), *check_boundary(account)] == []


def test_the_key(account_of, client):
    kms = client("kms")
    metadata = kms.create_key()["KeyMetadata"]
    arn = metadata["Arn"]

    def line(arn: str = arn) -> str:
        (found,) = check_key(account_of(kms_key_arn=arn))
        return found.line

    assert line() == f"ok       key: {arn} is enabled"
    kms.disable_key(KeyId=metadata["KeyId"])
    assert line().startswith(f"problem  key: {arn} is Disabled. To do: aws kms enable-key --key-id {arn}")
    absent = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    assert line(absent) == f"problem  key: there is no {absent}. To do: correct `kms_key_arn` in cdktf.json"
    signing = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]["Arn"]
    assert line(signing).startswith(f"problem  key: {signing} is no symmetric key for encryption")


def test_the_execution_role(account_of, client):
    iam, arn = client("iam"), f"arn:aws:iam::{ACCOUNT}:role/platform/server-of-the-check"

    def line() -> str:
        (found,) = check_execution_role(account_of(existing={"execution_role_arn": arn}))
        return found.line

    assert line().startswith(f"problem  execution role: there is no {arn}")
    name = arn.rpartition("/")[2]
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}}
    iam.create_role(RoleName=name, Path="/platform/", AssumeRolePolicyDocument=json.dumps(trust))
    assert line().startswith(f"problem  execution role: {arn} does not trust sagemaker.amazonaws.com")
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust_sagemaker(ACCOUNT))
    assert line().startswith(f"ok       execution role: {arn} is there and trusts SageMaker. To do: give it the policy")
    # The same name in another path is another role.
    arn = arn.replace("/platform/", "/")
    assert line().startswith(f"problem  execution role: there is no {arn}")


def test_the_boundary(account_of, client):
    arn = f"arn:aws:iam::{ACCOUNT}:policy/boundary-of-the-check"
    account = account_of(permissions_boundary_arn=arn)
    (found,) = check_boundary(account)
    assert found.line.startswith(f"problem  boundary: there is no {arn}")
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client("iam").create_policy(PolicyName=arn.rpartition("/")[2], PolicyDocument=document)
    (found,) = check_boundary(account)
    assert found.line == f"ok       boundary: {arn} is there"
