"""What an engine says is wrong reaches the caller: whole, and without the engine's own source code and stack traces."""

from pathlib import Path

import pytest

from container.model_server.errors import InvalidArtifact
from container.model_server.worker.engines.reasons import reason
from tests.container.served import load
from tests.support.networks import save_linear

SESSION = "[ONNXRuntimeError] : 1 : FAIL : Load model from /m/net.onnx failed:"
PLACE = (
    "/onnxruntime_src/onnxruntime/core/graph/model.cc:256 onnxruntime::Model::Model(onnx::ModelProto&&, const "
    "std::unordered_map<std::__cxx11::basic_string<char>, int>&, const Options&) "
)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (f"{SESSION}{PLACE}Unsupported IR version: 99", f"{SESSION}Unsupported IR version: 99"),
        (f"{PLACE.strip()} const No such (small) file", "No such (small) file"),
        (f"{PLACE.strip()} [with T = float] Bad a.", "Bad a."),
        ("a\n  b\n", "a b"),
        ("\x1b[1;31mred\x1b[m", "red"),
        ("", "ValueError"),
        (
            'Traceback (most recent call last):\n  File "../src/x.cc", line 12\nMXNetError: Shape (1, 2) is not (2, 1)',
            "MXNetError: Shape (1, 2) is not (2, 1)",
        ),
        (
            "[10:00:00] ../src/operator/fc.cc:90: Check failed: a == b (1 vs. 2)\nStack trace:\n  [bt] (0) /x.so",
            "[10:00:00] Check failed: a == b (1 vs. 2)",
        ),
        ("no place (but ::parentheses::)", "no place (but ::parentheses::)"),
    ],
)
def test_the_place_in_the_engines_source_goes_and_the_reason_stays(said: str, expected: str) -> None:
    assert reason(ValueError(said)) == expected


def test_the_reason_of_an_engine_in_an_artifacts_own_code(tmp_path: Path) -> None:
    folder = save_linear(tmp_path, ir=99)
    (folder / "code").mkdir()
    code = "import onnxruntime\ndef model_fn(d): return onnxruntime.InferenceSession(d + '/net.onnx')\n"
    (folder / "code" / "inference.py").write_text(code)
    with pytest.raises(InvalidArtifact, match=r"model_fn raised .*Unsupported model IR version: 99, max supported"):
        load(folder)
