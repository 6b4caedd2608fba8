"""Environment variables that point AWS's tools at the local AWS, and away from the machine's own account."""

from collections.abc import Mapping, MutableMapping
from pathlib import Path

from .access_key import AccessKey
from .account import REGION

_LOOPBACK = "127.0.0.1,localhost"

NO_MACHINE = {
    # No profiles, no credentials of the machine, no instance metadata.
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""Variables that keep AWS's tools from looking for credentials on the machine."""

PROXIES = ("http_proxy", "https_proxy", "all_proxy")
"""Variables that name proxies, in lower case; upper case is as usual."""

UNWANTED = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CA_BUNDLE")
"""Variables that no value makes harmless: they have to be unset (`isolate` does, and `python -m local_aws env`)."""


def aws_environment(url: str, key: AccessKey, outer: Mapping[str, str] | None = None) -> dict[str, str]:
    """What boto3, the AWS CLI and Terraform's provider need to talk to the local AWS at `url`, which has `key`.

    `outer`: the environment that this is to be laid over; hosts that it keeps from the proxy stay so.
    """
    given = (outer or {}).get("NO_PROXY") or (outer or {}).get("no_proxy")
    no_proxy = f"{_LOOPBACK},{given}" if given else _LOOPBACK
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": key.id,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        **NO_MACHINE,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


def terraform_environment(*, cli_config: Path | None) -> dict[str, str]:
    """What Terraform needs besides: `cli_config` for its CLI file."""
    environment = {"CHECKPOINT_DISABLE": "1"}
    if cli_config is not None:
        environment["TF_CLI_CONFIG_FILE"] = str(cli_config)
    return environment


def isolate(environment: MutableMapping[str, str], url: str, key: AccessKey) -> None:
    """Make this process itself one that knows the local AWS only: no other AWS_* variables, no proxies."""
    for name in list(environment):
        if name.startswith("AWS_") or name.lower() in PROXIES:
            del environment[name]
    environment.update(aws_environment(url, key))
