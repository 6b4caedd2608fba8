"""The program that `cdktf` runs to synthesise the stacks. It prints nothing, or what the user has to fix."""

import os
import shutil
import sys
from pathlib import Path

from stacks.errors import SettingsError


def main() -> int:
    node = os.environ.get("JSII_NODE", "node")
    if shutil.which(node) is None:
        print(f"{node} is not on PATH. CDKTF needs Node.js 20 or later: install it, then try again.", file=sys.stderr)
        return 1
    try:
        # Imported here: a missing package is to be a line, not a traceback.
        from way_out import cdk_terrain  # noqa: PLC0415

        cdk_terrain.choose_bindings(os.environ)
        from stacks import program  # noqa: PLC0415
        from way_out import hcl  # noqa: PLC0415
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        advice = (
            "`make setup` installs what is needed into .venv; then use the commands of the Makefile, or put .venv/bin "
            "first on PATH."
        )
        if error.name is not None and error.name.startswith("cdktn"):
            advice = "CDK_BINDINGS=cdktn needs CDK Terrain's packages: docs/way-out.md describes how to install them."
        print(f"The Python package {error.name} is missing from {sys.executable}. {advice}", file=sys.stderr)
        return 1
    rewrite = hcl.rewrite if hcl.is_wanted(os.environ) else None
    return program.run(Path(__file__).resolve().parent, os.environ, rewrite)


if __name__ == "__main__":
    sys.exit(main())
