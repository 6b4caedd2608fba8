"""Variables of the shell that make Terraform work on something else than the stacks say.

The stacks name each state's place, and this project's commands give Terraform its arguments. A variable left in the
shell for another project changes both without a word. `cdktf` passes the shell's variables on to Terraform, so
synthesis refuses them; this project's own commands leave them out, and say so.

TF_VAR_* stay: the stacks declare no variables, and Terraform ignores values for others. TF_CLI_CONFIG_FILE stays as
well: it names mirrors and credentials of registries, which the machine needs.
"""

from collections.abc import Mapping, MutableMapping

_EFFECTS = {
    "TF_WORKSPACE": "Terraform would work on the states of that workspace, which are not those of the stacks",
    "TF_DATA_DIR": "Terraform would keep the backends and providers of all stacks in one folder",
    "TF_CLI_ARGS": "Terraform would get arguments that neither the stacks nor the review know",
}
_ARGUMENTS_OF_A_COMMAND = "TF_CLI_ARGS_"
# The workspace that everybody is in, which Atlantis names.
_DEFAULT_WORKSPACE = "default"


def refused(environ: Mapping[str, str]) -> list[str]:
    """A complaint for each variable that misleads Terraform."""
    return [
        f"{_found(name, environ)}: {effect}. Try again after: unset {name}" for name, effect in _misleading(environ)
    ]


def neutralised(environ: MutableMapping[str, str]) -> list[str]:
    """Remove the variables that mislead Terraform; answers a line for each."""
    lines = []
    for name, effect in _misleading(environ):
        lines.append(f"{_found(name, environ)} and ignored here: {effect}.")
        del environ[name]
    return lines


def _misleading(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    found = []
    for name in sorted(environ):
        known = "TF_CLI_ARGS" if name.startswith(_ARGUMENTS_OF_A_COMMAND) else name
        harmless = "" if name != "TF_WORKSPACE" else _DEFAULT_WORKSPACE
        if known in _EFFECTS and environ[name] not in ("", harmless):
            found.append((name, _EFFECTS[known]))
    return found


def _found(name: str, environ: Mapping[str, str]) -> str:
    return f'{name} is set in the shell, to "{environ[name]}"'
