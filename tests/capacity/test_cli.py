"""The commands, as a user runs them."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "capacity", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_from_a_trace_to_settings(tmp_path: Path) -> None:
    trace, plan, settings = tmp_path / "trace.csv", tmp_path / "plan.json", tmp_path / "cdktf.json"
    assert "models in 0.1 h" in run("generate", str(trace), "--models", "20", "--rate", "5", "--hours", "0.1").stdout
    options = [
        "--instance-type",
        "ml.m5.large",
        "--hit-ratio",
        "0.9",
        "--json",
        str(plan),
        "--html",
        str(tmp_path / "p.html"),
    ]
    shown = run("plan", str(trace), *options, "--p99-ms", "5000")
    assert "is the cheapest shared endpoint that reaches all goals" in shown.stdout
    assert json.loads(plan.read_text())["settings"]["instance_type"] == "ml.m5.large"
    assert (tmp_path / "p.html").read_text().startswith("<!doctype html>")
    before = (ROOT / "cdktf.json").read_text()
    settings.write_text(before)
    dry = run("apply", str(plan), "prod", "--settings-file", str(settings), "--dry-run").stdout
    assert '+        "instance_type": "ml.m5.large",' in dry
    assert "Cost: 336 USD a month before" in dry
    assert settings.read_text() == before
    run("apply", str(plan), "prod", "--settings-file", str(settings))
    assert settings.read_text() != before
    assert "has these settings already" in run("apply", str(plan), "prod", "--settings-file", str(settings)).stdout


def test_mistakes_are_explained_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("time,model\n-1,a\n1,\n")
    done = run("plan", str(tmp_path / "t.csv"), code=1)
    assert done.stderr.count("error: ") == 2
    assert f"{tmp_path}/t.csv:3: model must have" in done.stderr
    both = run("plan", str(tmp_path / "t.csv"), "--rate", "3", "--day-swing", "0.5", code=1).stderr
    assert "--rate, --day-swing: only for a generated trace" in both
    assert "there are no prices" in run("plan", "--region", "mars-1", code=1).stderr
    assert "error: Generated trace" in run("generate", str(tmp_path / "x"), "--rate", "-1", code=1).stderr
