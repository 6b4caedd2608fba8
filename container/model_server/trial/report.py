"""What a trial of an artifact says: the answer of `model_server.trial` process."""

from pydantic import BaseModel

REFUSED = 3


class Tensor(BaseModel):
    """An input or output of a model that was tried, with the shape it had."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class Trial(BaseModel):
    """What was seen of a model. Inputs and outputs are empty where only its own code knows them."""

    engine: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    memory_bytes: int | None
    """Private memory that the load took; None where the system does not say."""
    load_seconds: float


class Refusal(BaseModel):
    """Why the server would not load an artifact."""

    refused: str
