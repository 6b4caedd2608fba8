"""What an invocation meets: instances of one size, and how SageMaker and the model server behave."""

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Fleet:
    """Instances of one endpoint.

    Attributes:
        instances: how many.
        workers: requests that one instance works on at a time.
        memory_bytes: what one instance has for models.
        disk_bytes: what one instance has for artifacts, packed and unpacked.
    """

    instances: int
    workers: int
    memory_bytes: int
    disk_bytes: int


@dataclass(frozen=True)
class Behaviour:
    """What does not depend on a model. The defaults are those of the local endpoint, or assumptions where it has none.

    Attributes:
        download_seconds: from S3, whatever the size: the request, and the first byte.
        download_bytes_per_second: from S3 onto the disk, unpacked.
        unload_seconds: one unload, while its load waits.
        load_variation: coefficient of variation of a model's load times, which have a gamma distribution; 0: constant.
        overhead_seconds: added to each invocation: the network and SageMaker's own share.
        spill_requests: with so many requests under way on its instance, a model's next one goes to another instance,
            which loads it too.
        queue_seconds: an invocation for which no worker is free within that time fails.
        timeout_seconds: an invocation whose model is not loaded within that time fails, while the load goes on.
    """

    download_seconds: float = 0.05
    download_bytes_per_second: float = 60.0 * MIB
    unload_seconds: float = 0.005
    load_variation: float = 0.0
    overhead_seconds: float = 0.0
    spill_requests: int = 8
    queue_seconds: float = 30.0
    timeout_seconds: float = 60.0
