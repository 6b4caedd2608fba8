"""Time and memory of a review by the number of models: `python -m benchmarks.plan_review` writes plan_review.json.

The plans are made here, in the shape and with every attribute that Terraform 1.11 and the AWS provider write for an S3
object, indented as by `jq .` (the larger of the two common forms). Two kinds: every model unchanged but ten (the plan
of a pull request), and every model new (the first deployment). Each review is a process of its own, imports included.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULT = Path(__file__).with_suffix(".json")
SIZES = (10, 100, 1_000, 4_000)
RUNS = 3
NEW_MODELS = 10
TARGET_SECONDS = 2.0
TARGET_MIB = 300

_UNSET = (
    "acl",
    "cache_control",
    "checksum_algorithm",
    "checksum_crc32",
    "checksum_crc32c",
    "checksum_crc64nvme",
    "checksum_sha1",
    "content",
    "content_base64",
    "content_disposition",
    "content_encoding",
    "content_language",
    "object_lock_legal_hold_status",
    "object_lock_mode",
    "object_lock_retain_until_date",
    "tags",
    "website_redirect",
)
_COMPUTED = (
    "acl",
    "arn",
    "bucket_key_enabled",
    "checksum_crc32",
    "checksum_sha1",
    "etag",
    "id",
    "kms_key_id",
    "server_side_encryption",
    "storage_class",
    "version_id",
)


# `python -m plan_review` that ends with its peak memory and processor time. The peak is that of its own address space:
# getrusage would count the parent's, from before the exec.
_REVIEW = """
import atexit, re, runpy, sys, time
def report():
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())
    print(peak[1], time.process_time(), file=sys.stderr)
atexit.register(report)
runpy.run_module("plan_review", run_name="__main__", alter_sys=True)
"""


BUCKET = "benchmark-models-123456789012-us-east-1"


def values(number: int) -> dict[str, Any]:
    """The attributes of one model's object, as a state holds them."""
    name, sha256 = f"model-{number:05}", hashlib.sha256(str(number).encode()).hexdigest()
    key = f"models/{name}/1-{sha256[:16]}.tar.gz"
    return dict.fromkeys(_UNSET) | {
        "arn": f"arn:aws:s3:::{BUCKET}/{key}",
        "bucket": BUCKET,
        "bucket_key_enabled": False,
        "content_type": "application/gzip",
        "etag": sha256[:32],
        "force_destroy": False,
        "id": f"{BUCKET}/{key}",
        "key": key,
        "kms_key_id": "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-4000-8000-000000000000",
        "metadata": {"model": name, "version": "1", "engine": "mxnet", "sha256": sha256, "size_bytes": "4900000"},
        "override_provider": [],
        "region": "us-east-1",
        "server_side_encryption": "aws:kms",
        "source": f"../../../models/artifacts/{sha256}.tar.gz",
        "source_hash": sha256,
        "storage_class": "STANDARD",
        "tags_all": {"Environment": "prod", "ManagedBy": "cdktf", "Project": "multi-model-endpoint"},
        "version_id": sha256[32:64],
    }


def _bucket() -> dict[str, Any]:
    """The bucket's element of `resource_changes`: it stays as it is."""
    every = {"bucket": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}", "id": BUCKET, "force_destroy": False}
    change = {"actions": ["no-op"], "before": every, "after": every, "after_unknown": {}}
    head = {"address": "aws_s3_bucket.models_bucket", "mode": "managed", "type": "aws_s3_bucket"}
    head |= {"name": "models_bucket", "provider_name": "registry.terraform.io/hashicorp/aws"}
    return head | {"change": change | {"before_sensitive": {}, "after_sensitive": {}}}


def plan(models: int, new: int) -> dict[str, Any]:
    """A plan of `models` models, of which the last `new` are created, and of the bucket that they lie in."""
    changes, prior, planned, configured = [_bucket()], [], [], []
    sensitive = {"metadata": {}, "override_provider": [], "tags_all": {}}
    for number in range(models):
        every = values(number)
        head = {"address": f"aws_s3_object.model_{number:05}", "mode": "managed", "type": "aws_s3_object"}
        head |= {"name": f"model_{number:05}", "provider_name": "registry.terraform.io/hashicorp/aws"}
        created = number >= models - new
        after = {key: value for key, value in every.items() if not created or key not in _COMPUTED}
        change = {
            "actions": ["create"] if created else ["no-op"],
            "before": None if created else every,
            "after": after,
            "after_unknown": dict.fromkeys(_COMPUTED, True) | {"metadata": {}} if created else {},
            "before_sensitive": False if created else sensitive,
            "after_sensitive": sensitive,
        }
        changes.append(head | {"change": change})
        planned.append(head | {"schema_version": 0, "values": after, "sensitive_values": sensitive})
        if not created:
            prior.append(head | {"schema_version": 0, "values": every, "sensitive_values": sensitive})
        constants = ("bucket", "key", "source", "source_hash", "content_type", "metadata")
        expressions = {key: {"constant_value": every[key]} for key in constants}
        configured.append(head | {"provider_config_key": "aws", "expressions": expressions, "schema_version": 0})
    provider = {"name": "aws", "full_name": "registry.terraform.io/hashicorp/aws", "version_constraint": "6.25.0"}
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {"root_module": {"resources": planned}},
        "resource_changes": changes,
        "prior_state": {"format_version": "1.0", "values": {"root_module": {"resources": prior}}},
        "configuration": {"provider_config": {"aws": provider}, "root_module": {"resources": configured}},
        "applyable": True,
        "complete": True,
        "errored": False,
    }


def write_plan(path: Path, models: int, new: int) -> None:
    path.write_text(json.dumps(plan(models, new), indent=2))


def measure(path: Path, format_: str) -> dict[str, Any]:
    """One review in a process of its own: wall seconds, peak resident MiB, bytes of output, exit code."""
    command = [sys.executable, "-c", _REVIEW, str(path), "--format", format_]
    begin = time.perf_counter()
    process = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    seconds = time.perf_counter() - begin
    peak_kib, cpu_seconds = process.stderr.split()[-2:]
    return {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(float(cpu_seconds), 3),
        "peak_mib": round(int(peak_kib) / 1024, 1),
        "output_bytes": len(process.stdout),
        "exit_code": process.returncode,
    }


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory(prefix="plan-review-") as folder:
        for models in SIZES:
            for kind, new in (("ten new", min(NEW_MODELS, models)), ("all new", models)):
                path = Path(folder) / "prod-models.json"
                write_plan(path, models, new)
                for format_ in ("markdown", "text", "json", "sarif"):
                    runs = [measure(path, format_) for _ in range(RUNS)]
                    row = {
                        "models": models,
                        "kind": kind,
                        "plan_bytes": path.stat().st_size,
                        "format": format_,
                        "runs": runs,
                    }
                    rows.append(row)
                    seconds, mib = (
                        statistics.median(run["seconds"] for run in runs),
                        max(run["peak_mib"] for run in runs),
                    )
                    print(f"{models:>5} models, {kind}, {format_:<8} {seconds:6.2f} s {mib:7.1f} MiB", flush=True)
    largest = [run for row in rows if row["models"] == SIZES[-1] for run in row["runs"]]
    document = {
        "measured": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": {
            "system": platform.platform(),
            "python": platform.python_version(),
            "cpus": os.cpu_count(),
            "load_average_1_minute": round(os.getloadavg()[0], 1),
        },
        "target": {"models": SIZES[-1], "seconds": TARGET_SECONDS, "peak_mib": TARGET_MIB},
        "worst_at_the_target": {
            "seconds": max(run["seconds"] for run in largest),
            "cpu_seconds": max(run["cpu_seconds"] for run in largest),
            "peak_mib": max(run["peak_mib"] for run in largest),
        },
        "rows": rows,
    }
    RESULT.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
