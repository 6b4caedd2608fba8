"""The one account and region of the local AWS: moto's account, and the region of the project's environment `local`."""

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"


def sagemaker_arn(kind: str, name: str) -> str:
    """ARN of a SageMaker resource; `kind` is `model`, `endpoint-config` or `endpoint`."""
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:{kind}/{name}"
