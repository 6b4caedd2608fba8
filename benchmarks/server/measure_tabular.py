"""A tiny model under eight clients: what the server itself takes for a request."""

from dataclasses import dataclass

from .measure_throughput import Contender, Throughput, measure_throughput
from .measure_time import own_phases
from .percentiles import median
from .server_process import ServerProcess
from .tabular_model import ROW, ROW_TYPE

MODEL = "tabular"


@dataclass(frozen=True)
class Tabular:
    """Attributes: throughput: of the model; engine_milliseconds: median time in the engine, from the access log."""

    throughput: Throughput
    engine_milliseconds: float


def measure_tabular(server: ServerProcess, seconds: float, rounds: int) -> Tabular:
    """Ask the model that is loaded as MODEL, with eight clients."""
    contender = Contender("tabular model", server, MODEL, ROW, ROW_TYPE)
    throughput = measure_throughput([contender], 8, seconds, rounds)[contender.name]
    engine = median([phases["engine"] for phases in own_phases(server.log_path, MODEL)])
    return Tabular(throughput, engine * 1000)
