"""Runs the stacks with CDK Terrain, the successor of CDKTF, under the names that the stacks import."""

import importlib
import sys
from collections.abc import Mapping

from stacks.errors import SettingsError
from stacks.jsii_kernel import bare_package, kernel_environment

VARIABLE = "CDK_BINDINGS"
_CDKTF, _CDK_TERRAIN = "cdktf", "cdktn"


def choose_bindings(environ: Mapping[str, str]) -> None:
    """Take the bindings that the variable CDK_BINDINGS names: `cdktf`, the default, or `cdktn` for CDK Terrain.

    Call it before the first import of `stacks.aws_bindings`.

    Raises:
        SettingsError: CDK_BINDINGS names something else.
        ModuleNotFoundError: CDK Terrain is not installed.
    """
    chosen = environ.get(VARIABLE, _CDKTF)
    if chosen not in (_CDKTF, _CDK_TERRAIN):
        allowed = f"{_CDKTF} or {_CDK_TERRAIN} (default: {_CDKTF})"
        raise SettingsError(f"{VARIABLE} is {chosen!r}; allowed: {allowed}")
    if chosen == _CDK_TERRAIN:
        with kernel_environment():
            sys.modules["cdktf"] = importlib.import_module("cdktn")
        sys.modules["cdktf_cdktf_provider_aws"] = bare_package("cdktn_provider_aws")
