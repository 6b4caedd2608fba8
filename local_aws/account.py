"""The one account and region of the local AWS.

moto answers for account 123456789012 whatever the access key; the project's environment `local` uses us-east-1.
"""

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"


def sagemaker_arn(kind: str, name: str) -> str:
    """ARN of a SageMaker resource; `kind` is `model`, `endpoint-config` or `endpoint`."""
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:{kind}/{name}"
