"""What Terraform does with one large artifact: `python -m benchmarks.upload` writes benchmarks/upload.json.

An `aws_s3_object` of random bytes is planned, applied and planned again on the local AWS. Only Terraform's part of it
is that of AWS: with the stand-in provider (the result names the provider) the upload is boto3's, and moto stores it.
The numbers show that neither Terraform nor the state grows with the artifact, not how fast an upload to AWS is.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

from benchmarks.scale import BINARY, bare_configuration
from benchmarks.synthesis import machine, timed_command
from local_aws.process import LocalAws
from model_catalog.lock import Lock, Model, Version, version_key

RESULT = Path(__file__).with_suffix(".json")
CHUNK_BYTES = 2**20


def measure(mebibytes: int, directory: Path) -> dict[str, Any]:
    """The whole life of one artifact of that size, on a local AWS of its own."""
    sha256 = "0" * 64
    key = version_key("large", "1", sha256)
    version = Version(version="1", sha256=sha256, size_bytes=mebibytes * 2**20, engine="mxnet", key=key)
    stack = directory / "stack"
    artifact = stack / version.artifact
    artifact.parent.mkdir(parents=True)
    with artifact.open("wb") as file:
        for _ in range(mebibytes):
            file.write(os.urandom(CHUNK_BYTES))
    with LocalAws(directory=directory / "aws", port=0, log_file=directory / "log") as aws:
        variables = aws.environment()
        provider = aws.provider()
        lock = Lock(models={"large": Model(versions=(version,))})
        (stack / "main.tf").write_text(bare_configuration(lock, aws.url))
        timed_command([BINARY, "init", "-input=false"], stack, **variables)
        plan = timed_command([BINARY, "plan", "-input=false", "-out=plan"], stack, **variables)
        before = psutil.Process(aws.pid).memory_info().rss
        apply = timed_command([BINARY, "apply", "plan"], stack, **variables)
        # Exit code 0: no changes.
        again = timed_command([BINARY, "plan", "-input=false", "-detailed-exitcode"], stack, **variables)
        grown = psutil.Process(aws.pid).memory_info().rss - before
    return {
        "artifact_mib": mebibytes,
        "provider": provider,
        "plan_seconds": plan.seconds,
        "apply_seconds": apply.seconds,
        "second_plan_seconds": again.seconds,
        "terraform_peak_memory_mib": max(run.peak_memory_mib for run in (plan, apply, again)),
        "local_aws_memory_growth_mib": grown / 2**20,
        "state_bytes": (stack / "terraform.tfstate").stat().st_size,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--mib", type=int, nargs="+", default=[16, 256, 1024, 2048], help="sizes in MiB (default: 16 256 1024 2048)"
    )
    parser.add_argument("--result", type=Path, default=RESULT, help="where the numbers go")
    options = parser.parse_args()
    result: dict[str, Any] = {"machine": machine(), "sizes": []}
    for mebibytes in options.mib:
        print(f"{mebibytes} MiB", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            result["sizes"].append(measure(mebibytes, Path(folder)))
    options.result.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result["sizes"], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
