"""SageMaker's errors. They carry data; transport.py renders them with the codes and statuses in the tables there."""

from ..account import ACCOUNT_ID, REGION


class SageMakerError(Exception):
    """Base: `message` is what AWS would say."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class ValidationError(SageMakerError):
    """The request is wrong, or names something that is not there (or is there already)."""


class SerializationError(SageMakerError):
    """The request's body is not what the operation takes."""


class UnknownOperationError(SageMakerError):
    """The operation is not part of this service."""


class LimitExceededError(SageMakerError):
    """More than the account may have."""


class ServiceUnavailableError(SageMakerError):
    """No instance can take the request."""


class ModelNotReadyError(SageMakerError):
    """The model is still loading; the caller may try again."""


class ModelError(SageMakerError):
    """The container answered with an error, or not at all (`status` 0). `container`: its name."""

    def __init__(self, *, endpoint: str, status: int, answer: str, container: str) -> None:
        group = f"/aws/sagemaker/Endpoints/{endpoint}"
        kind = "client" if 400 <= status < 500 else "server"
        self.status = status
        self.answer = answer
        self.log_stream_arn = f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:{group}"
        super().__init__(
            f'Received {kind} error ({status}) from {container} with message "{answer}". See '
            f"https://{REGION}.console.aws.amazon.com/cloudwatch/home?region={REGION}#logEventViewer:group={group} "
            f"in account {ACCOUNT_ID} for more information."
        )


def endpoint_not_found(name: str) -> ValidationError:
    """InvokeEndpoint's words."""
    return ValidationError(f"Endpoint {name} of account {ACCOUNT_ID} not found.")


def could_not_find(what: str, arn: str) -> ValidationError:
    """`what` as AWS calls it: `model`, `endpoint configuration`, `endpoint`."""
    return ValidationError(f'Could not find {what} "{arn}".')


def already_exists(what: str, arn: str) -> ValidationError:
    return ValidationError(f'Cannot create already existing {what} "{arn}".')
