"""The cases of SageMaker's contract, against the container: those of tests/container, with another client."""

from tests.container.test_contract import *  # noqa: F403
