"""`python -m tests.end_to_end.record FOLDER [CHAIN...]`: records what the AWS provider does with chains of changes.

FOLDER/CHAIN/NN-STEP/  plans and states (chains.py says which)
FOLDER/CHAIN.jsonl.gz  what the provider and Terraform sent, and the local AWS's answers

LOCAL_AWS_PROVIDER names the provider; without it, it is hashicorp/aws. docs/newer-provider.md says what to do then.
"""

import gzip
import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from demo.example_models import ExampleModel, trained_models
from local_aws.errors import LocalAwsError
from local_aws.process import LocalAws
from operations.deployment import SynthesisError
from operations.terraform import TerraformError
from operations.variables import WORK_DIRECTORY
from tests.end_to_end.chains import CHAINS, ChainRecorder
from tests.end_to_end.project import copy_project


def record(name: str, folder: Path, provider: str, models: dict[str, ExampleModel]) -> None:
    """Play the chain `name` on a local AWS of its own; what an earlier recording left must not be there.

    Raises:
        LocalAwsError: the provider cannot be had, for example.
        SynthesisError, TerraformError: a step failed.
    """
    requests = folder / f"{name}.jsonl"
    with tempfile.TemporaryDirectory(prefix="chain-") as place:
        work = Path(place)
        with LocalAws(
            directory=work / "aws",
            port=0,
            provider=provider,
            runtime="process",
            record=requests,
            log_file=folder / f"{name}.log",
        ) as aws:
            recorder = ChainRecorder(aws, work, copy_project(work / "project"), models, folder / name)
            recorder.play(CHAINS[name])
    # Without a time in it: the same recording is the same file.
    requests.with_suffix(".jsonl.gz").write_bytes(gzip.compress(requests.read_bytes(), mtime=0))
    requests.unlink()


def _command(
    folder: Annotated[Path, typer.Argument(help="A folder that is empty, or is not there.")],
    chains: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(CHAINS)}; all without it.")] = None,
) -> None:
    """Record what the AWS provider does with chains of changes."""
    names = chains or list(CHAINS)
    if unknown := [name for name in names if name not in CHAINS]:
        sys.exit(f"there is no chain {', '.join(unknown)}; the chains are {', '.join(CHAINS)}")
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        sys.exit(f"{folder} is not empty: name another folder")
    models = {model.name: model for model in trained_models(WORK_DIRECTORY / "example-models", typer.echo)}
    for name in names:
        typer.echo(f"recording {name}")
        try:
            record(name, folder, os.environ.get("LOCAL_AWS_PROVIDER", "hashicorp"), models)
        except (LocalAwsError, SynthesisError, TerraformError) as error:
            sys.exit(f"{name}: {error}")


if __name__ == "__main__":
    typer.run(_command)
