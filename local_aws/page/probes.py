"""What the page asks the instances themselves: processor, memory, loaded models. It takes milliseconds for each."""

import threading
import time
from typing import Any

from ..sagemaker.host import HostedInstance
from ..sagemaker.pipeline import HostedPipeline


class InstanceProbes:
    """Keeps the last look at each instance, because a share of the processor is that of the time between two looks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cpu: dict[str, tuple[float, float]] = {}

    def look(self, host: HostedInstance | HostedPipeline) -> dict[str, Any]:
        """`cpu_percent`: 100 a core, None at the first look; memory in bytes."""
        usage = host.usage()
        limit = host.memory_mib
        return {
            "id": host.id,
            "healthy": host.healthy,
            "requests": host.requests_under_way,
            "cpu_percent": None if usage is None else self._cpu_percent(host.id, usage.cpu_seconds),
            "memory_bytes": None if usage is None else usage.memory_bytes,
            "memory_limit_bytes": None if limit is None else limit * 2**20,
            "models": [
                {
                    "name": model.target_model,
                    "state": model.state.value,
                    "requests": model.requests,
                    "idle_seconds": round(model.idle_seconds, 1),
                    "memory_bytes": memory,
                    "disk_bytes": model.disk_bytes,
                }
                for model, memory in host.loaded()
            ],
        }

    def forget_others(self, present: set[str]) -> None:
        """Only the instances `present` are still there."""
        with self._lock:
            self._cpu = {name: seen for name, seen in self._cpu.items() if name in present}

    def _cpu_percent(self, name: str, cpu_seconds: float) -> float | None:
        moment = time.monotonic()
        with self._lock:
            before = self._cpu.get(name)
            self._cpu[name] = (moment, cpu_seconds)
        if before is None:
            return None
        return round(100 * max(cpu_seconds - before[1], 0) / max(moment - before[0], 0.001), 1)
