"""What a model's container has of the account: the region, the endpoint, and its execution role's credentials.

As on AWS, the container has no key in its environment, but a URL that gives it temporary ones. boto3 and every other
SDK ask there by themselves. https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from typing import Any
from urllib.parse import quote, unquote

from botocore.exceptions import ClientError

from .access_key import KeyRing
from .account import REGION
from .environment import NO_MACHINE

_PATH = "/_local/credentials/"
_SESSION = "SageMaker"


class RoleCredentials:
    """Credentials by role. `sts` is a boto3 client of the local AWS itself, which answers at `url`."""

    def __init__(self, url: str, keys: KeyRing, sts: Any) -> None:
        self._url = url
        self._keys = keys
        self._sts = sts

    def environment(self, role_arn: str) -> dict[str, str]:
        """The variables of a container that runs with the role."""
        return {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self._url,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self._url}{_PATH}{quote(role_arn, safe='')}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._keys.token_for(role_arn),
            **NO_MACHINE,
        }

    def answer(self, role_path: str, token: str) -> dict[str, str] | None:
        """Temporary credentials, as the URL of `environment` gives them; None with a wrong token or without the role.

        `role_path`: what follows `/_local/credentials/`.
        """
        role_arn = unquote(role_path)
        if not self._keys.accepts_token(token, role_arn):
            return None
        try:
            made = self._sts.assume_role(RoleArn=role_arn, RoleSessionName=_SESSION)["Credentials"]
        except ClientError:
            return None
        return {
            "AccessKeyId": made["AccessKeyId"],
            "SecretAccessKey": made["SecretAccessKey"],
            "Token": made["SessionToken"],
            "Expiration": made["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "RoleArn": role_arn,
        }
