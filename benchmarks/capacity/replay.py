"""Replays a trace against an endpoint: open loop, so that a slow answer delays no later call."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import boto3
import numpy as np
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from capacity.trace import Floats, Trace

_THREADS = 48


@dataclass(frozen=True, eq=False)
class Replayed:
    """Latencies in seconds from the time a call was due, in the order of the trace; NaN for calls that failed.

    Attributes:
        late_p99_seconds: how late the client itself began its calls.
        failures: what went wrong, at most a few.
    """

    latency_seconds: Floats
    late_p99_seconds: float
    failures: tuple[str, ...]


def replay(trace: Trace, session: boto3.Session, url: str, endpoint: str, body: bytes) -> Replayed:
    """Call each model of the trace when it is due; names are TargetModels."""
    signer = SigV4Auth(session.get_credentials(), "sagemaker", session.region_name)
    pool = urllib3.PoolManager(maxsize=_THREADS, retries=False)
    path = f"{url}/endpoints/{endpoint}/invocations"
    latency, late = np.full(len(trace), np.nan), np.zeros(len(trace))
    failures: list[str] = []
    lock = threading.Lock()
    begin = time.perf_counter() + 0.2

    def call(index: int, due: float, target: str) -> None:
        late[index] = time.perf_counter() - due
        headers = {"Content-Type": "application/json", "X-Amzn-SageMaker-Target-Model": target}
        signed = AWSRequest("POST", path, headers, body)
        signer.add_auth(signed)
        try:
            answer = pool.request("POST", path, body=body, headers=dict(signed.headers.items()), timeout=65)
        except urllib3.exceptions.HTTPError as error:
            with lock:
                failures.append(str(error))
            return
        if answer.status == 200:
            latency[index] = time.perf_counter() - due
        else:
            with lock:
                failures.append(answer.data[:200].decode("utf-8", "replace"))

    with ThreadPoolExecutor(_THREADS) as threads:
        for index, (second, model) in enumerate(zip(trace.seconds.tolist(), trace.models.tolist(), strict=True)):
            due = begin + second
            time.sleep(max(0.0, due - time.perf_counter()))
            threads.submit(call, index, due, trace.names[model])
    pool.clear()
    return Replayed(latency, float(np.quantile(late, 0.99)), tuple(failures[:5]))
