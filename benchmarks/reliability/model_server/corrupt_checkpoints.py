"""Checkpoints that are damaged, or made to harm the engine: loaded beside a model that is asked all the time."""

import json
import random
import shutil
import struct
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from benchmarks.reliability.model_server import artifacts
from benchmarks.reliability.model_server.census import MIB, PeakMemory, census
from benchmarks.reliability.model_server.finding import Finding
from benchmarks.reliability.model_server.ground import Ground
from benchmarks.reliability.model_server.prober import Prober
from benchmarks.server.server_process import ServerProcess

_LOAD_SECONDS = 5.0
_GRACE_SECONDS = 2.0
_MEMORY_MIB = 1024
_STATUSES = {200, 400, 500, 504, 507}
_TRIES = 3
# Each takes as long as a load may.
_ENDLESS_EVERY = 50
_HELD_BACK = b"it is tried again in"


def run(ground: Ground) -> list[Finding]:
    """500 corrupt checkpoints, and what happens to one that ends its process again and again."""
    count = ground.count(500, 40)
    good = artifacts.checkpoint(ground.directory / "good")
    statuses: Counter[int] = Counter()
    complaints: list[str] = []
    longest, by_kind = 0.0, Counter[str]()
    with ground.serving(memory_mib=_MEMORY_MIB, MODEL_SERVER_LOAD_SECONDS=str(_LOAD_SECONDS)) as server:
        server.load("good", good)
        server.invoke("good", artifacts.ROW, "application/json")
        before = census(server.pid)
        with Prober(server, ["good"], pause_seconds=0.005) as prober, PeakMemory(server.pid) as peak:
            for number in range(count):
                chance = ground.chance(f"checkpoint {number}")
                kind = _onnx_endless if number % _ENDLESS_EVERY == _ENDLESS_EVERY - 1 else _KINDS[number % len(_KINDS)]
                folder = kind(chance, good, ground.directory / f"corrupt-{number}")
                status, body, seconds = _load(server, folder, f"c{number}")
                statuses[status], longest = statuses[status] + 1, max(longest, seconds)
                where = f"checkpoint {number} ({kind.__name__.strip('_')})"
                by_kind[f"{kind.__name__.strip('_')} {status}"] += 1
                if status not in _STATUSES or b"Traceback" in body:
                    complaints.append(f"{where}: {status} {body[:200]!r}")
                if seconds > _LOAD_SECONDS + _GRACE_SECONDS:
                    complaints.append(f"{where}: took {seconds:.1f} s")
                shutil.rmtree(folder)
            quarantined = _quarantine(server, ground.directory / "crashes", good)
        after = census(server.pid)
        complaints += prober.complaints("beside corrupt checkpoints")
    if after.zombies or after.processes > before.processes:
        complaints.append(f"{after.processes} processes and {after.zombies} zombies instead of {before.processes}")
    if peak.grown_bytes > _MEMORY_MIB * MIB:
        complaints.append(f"memory grew by {peak.grown_bytes / MIB:.0f} MiB, the budget is {_MEMORY_MIB} MiB")
    if quarantined[1] is None:
        complaints.append(f"not quarantined after {_TRIES} tries: {quarantined[0]}")
    answered = ", ".join(f"{statuses[status]} x {status}" for status in sorted(statuses))
    return [
        Finding(
            f"{count} corrupt checkpoints: {', '.join(_kinds())}",
            f"no hang beyond the limit ({_LOAD_SECONDS:g} s here), no other model disturbed, no traceback; a model "
            f"that ends its process is quarantined with a reason after {_TRIES} tries",
            f"{answered}; longest {longest:.1f} s; another model answered {len(prober.asked)} requests: "
            f"{prober.statuses}; memory grew by {peak.grown_bytes / MIB:.0f} MiB at most, budget {_MEMORY_MIB}; "
            f"quarantined at try {quarantined[1]}: {quarantined[0][-1][:120]}",
            tuple(complaints[:20]),
            {"statuses": {str(key): value for key, value in statuses.items()}, "kinds": dict(sorted(by_kind.items()))},
        )
    ]


def _load(server: ServerProcess, folder: Path, name: str) -> tuple[int, bytes, float]:
    """Load, ask once and unload; what the load was answered, or the request where it was loaded."""
    client, start = server.client(), time.monotonic()
    status, body = client.request("POST", "/models", artifacts.load_body(name, folder), artifacts.JSON)
    seconds = time.monotonic() - start
    if status == 200:
        asked, body = client.request("POST", f"/models/{name}/invoke", artifacts.ROW, artifacts.JSON)
        status = status if asked in (200, 400) else asked
        client.request("DELETE", f"/models/{name}")
    client.close()
    return status, body, seconds


def _quarantine(server: ServerProcess, folder: Path, good: Path) -> tuple[list[str], int | None]:
    """Load a checkpoint that crashes its engine; the messages, and at which try it was held back."""
    _out_of_range(random.Random(0), good, folder)
    messages: list[str] = []
    for number in range(1, _TRIES + 1):
        status, body, _ = _load(server, folder, "crashes")
        messages.append(json.loads(body)["message"] if status != 200 else "")
        if _HELD_BACK in body:
            return messages, number
    return messages, None


def _copy(good: Path, folder: Path) -> Path:
    shutil.copytree(good, folder)
    return folder


def _truncated(chance: random.Random, good: Path, folder: Path) -> Path:
    file = chance.choice(("model-symbol.json", "model-0000.params", "model-shapes.json"))
    whole = (_copy(good, folder) / file).read_bytes()
    (folder / file).write_bytes(whole[: chance.randrange(len(whole))])
    return folder


def _flipped(chance: random.Random, good: Path, folder: Path) -> Path:
    file = _copy(good, folder) / chance.choice(("model-symbol.json", "model-0000.params", "model-0000.params"))
    data = bytearray(file.read_bytes())
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    file.write_bytes(data)
    return folder


def _graph(good: Path, folder: Path, change: Callable[[list[dict]], None]) -> Path:
    file = _copy(good, folder) / "model-symbol.json"
    graph = json.loads(file.read_text())
    change(graph["nodes"])
    file.write_text(json.dumps(graph))
    return folder


def _loops(chance: random.Random, good: Path, folder: Path) -> Path:
    """A node whose input is a node behind it, or itself."""

    def change(nodes: list[dict]) -> None:
        inner = [number for number, node in enumerate(nodes) if node["inputs"]]
        number = chance.choice(inner)
        nodes[number]["inputs"][0][0] = chance.choice([number, inner[-1]])

    return _graph(good, folder, change)


def _out_of_range(chance: random.Random, good: Path, folder: Path) -> Path:
    def change(nodes: list[dict]) -> None:
        node = next(node for node in nodes if node["inputs"])
        node["inputs"][0][chance.choice((0, 1)) if chance.random() < 0.5 else 1] = 200_000_000

    return _graph(good, folder, change)


def _terabytes(chance: random.Random, good: Path, folder: Path) -> Path:
    """An array whose shape asks for terabytes, or for more than there is."""
    data = bytearray((_copy(good, folder) / "model-0000.params").read_bytes())
    wanted = struct.pack("<q", chance.choice((2**40, 2**33, 2**31, 2**62, -1)))
    positions = [p for p in range(len(data) - 8) if struct.unpack_from("<q", data, p)[0] in (3, 4)]
    position = chance.choice(positions)
    data[position : position + 8] = wanted
    (folder / "model-0000.params").write_bytes(data)
    return folder


def _large_layers(chance: random.Random, good: Path, folder: Path) -> Path:
    def change(nodes: list[dict]) -> None:
        for node in nodes:
            if "num_hidden" in node.get("attrs", {}):
                node["attrs"]["num_hidden"] = str(chance.choice((2**31 - 1, 2**40, -1, "x")))

    return _graph(good, folder, change)


def _large_inputs(chance: random.Random, good: Path, folder: Path) -> Path:
    shape = chance.choice(([1, 2**40], [2**31, 4], [1, -4], [], [0, 4], [1] * 1000, [1, "x"], [1, 2**62, 2**62]))
    (_copy(good, folder) / "model-shapes.json").write_text(json.dumps([{"name": "data", "shape": shape}]))
    return folder


def _onnx(folder: Path, nodes: list[onnx.NodeProto], shape: list[int | str]) -> bytes:
    folder.mkdir()
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


def _constant(value: list[int]) -> onnx.NodeProto:
    tensor = helper.make_tensor("shape", TensorProto.INT64, [len(value)], value)
    return helper.make_node("Constant", [], ["shape"], value=tensor)


def _onnx_expanding(chance: random.Random, _: Path, folder: Path) -> Path:
    """A hundred bytes that become gigabytes, or terabytes, when they are run."""
    size = chance.choice((2**28, 2**29, 2**30, 2**40))
    data = _onnx(folder, [_constant([size]), helper.make_node("Expand", ["x", "shape"], ["y"])], [1])
    (folder / "model.onnx").write_bytes(data)
    return folder


def _onnx_endless(chance: random.Random, _: Path, folder: Path) -> Path:
    """A loop that runs 2^62 times."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["going_on"]), helper.make_node("Identity", ["value"], ["next"])],
        "body",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value", TensorProto.FLOAT, [1]),
        ],
        [
            helper.make_tensor_value_info("going_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, [1]),
        ],
    )
    count = helper.make_node("Constant", [], ["count"], value=helper.make_tensor("c", TensorProto.INT64, [], [2**62]))
    yes = helper.make_node("Constant", [], ["yes"], value=helper.make_tensor("t", TensorProto.BOOL, [], [True]))
    loop = helper.make_node("Loop", ["count", "yes", "x"], ["y"], body=body)
    (folder / "model.onnx").write_bytes(_onnx(folder, [count, yes, loop], [1]))
    return folder


def _onnx_flipped(chance: random.Random, _: Path, folder: Path) -> Path:
    data = bytearray(_onnx(folder, [helper.make_node("Relu", ["x"], ["y"])], [1, 4]))
    for _number in range(chance.randint(1, 6)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    cut = len(data) if chance.random() < 0.7 else chance.randrange(len(data))
    (folder / "model.onnx").write_bytes(data[:cut])
    return folder


_KINDS: tuple[Callable[[random.Random, Path, Path], Path], ...] = (
    _truncated,
    _flipped,
    _flipped,
    _loops,
    _out_of_range,
    _terabytes,
    _terabytes,
    _large_layers,
    _large_inputs,
    _onnx_flipped,
    _onnx_expanding,
    _truncated,
)


def _kinds() -> list[str]:
    return sorted({kind.__name__.strip("_") for kind in (*_KINDS, _onnx_endless)})
