"""Terraform's CLI configuration: what decides from where Terraform may install a provider.

https://developer.hashicorp.com/terraform/cli/config/config-file
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from string import Template

from .installation import with_mirror

# Beside these, everything that begins with TF_ counts, but for what decides nothing about an installation.
_VARIABLES = re.compile(
    r"(?i:https?_proxy|all_proxy|no_proxy)|SSL_CERT_(?:FILE|DIR)|TERRAFORM_CONFIG|HOME|XDG_\w+|TF_(?!(?:REATTACH_PROVIDERS|DISABLE_PLUGIN_TLS)$)\w+"
)
_MAIN_FILES = (".terraformrc", ".tofurc")
_QUOTED = re.compile(r'"((?:[^"\\\n]|\\.)+)"')
_PROVIDER = "hashicorp/aws"


_OWN = "# Written by the local AWS at its start. TF_CLI_CONFIG_FILE was "


def own_configuration(environment: Mapping[str, str], mirror: Path) -> str:
    """The text of the configuration that has the stand-in's mirror beside all that the user's has.

    Raises ProviderUnavailableError.
    """
    files = {file: file.read_text(errors="replace") for file in _loaded(environment)}
    implied = [folder for folder in _implied_mirrors(environment) if folder.is_dir()]
    named = json.dumps(environment.get("TF_CLI_CONFIG_FILE"))
    return f"{_OWN}{named}\n{with_mirror(files, mirror, implied)}"


def without_own_configuration(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment as it was before it got a local AWS's variables for Terraform."""
    given = dict(environment)
    file = configuration_file(given)
    first = file.read_text(errors="replace").partition("\n")[0] if file is not None else ""
    if first.startswith(_OWN):
        named = json.loads(first.removeprefix(_OWN))
        for name in ("TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR"):
            given.pop(name, None)
        if named is not None:
            given["TF_CLI_CONFIG_FILE"] = named
    return given


def configuration_file(environment: Mapping[str, str]) -> Path | None:
    """The file that TF_CLI_CONFIG_FILE or its older name TERRAFORM_CONFIG names, with its whole path; None where none
    is named, or it does not exist.
    """
    given = _named(environment)
    return Path(given).resolve() if given and Path(given).is_file() else None


def _named(environment: Mapping[str, str]) -> str | None:
    return environment.get("TF_CLI_CONFIG_FILE") or environment.get("TERRAFORM_CONFIG")


def fingerprint(environment: Mapping[str, str]) -> str:
    """A digest of all that decides whether `terraform init` finds the AWS provider, but for registries and mirrors
    on the network: variables, the configuration's files, and which versions its folders on this machine hold.
    """
    files = sorted(_files(environment))
    contents = [(str(file), file.read_text(errors="replace")) for file in files]
    quoted = [text for _, content in contents for text in _QUOTED.findall(content)]
    named = [Path(Template(text).safe_substitute(environment)) for text in quoted]
    folders = {*named, *_implied_mirrors(environment)}
    if cache := environment.get("TF_PLUGIN_CACHE_DIR"):
        folders.add(Path(cache))
    facts = {
        "variables": sorted(item for item in environment.items() if _VARIABLES.fullmatch(item[0])),
        "files": contents,
        "providers": sorted(str(path) for folder in folders for path in _providers(folder)),
    }
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _loaded(environment: Mapping[str, str]) -> Iterator[Path]:
    """The files that Terraform reads, in its order: the folder of the home counts only if no file is named."""
    if _named(environment):
        file = configuration_file(environment)
        if file is not None:
            yield file
        return
    home = Path(environment.get("HOME", "/"))
    names = _MAIN_FILES if "tofu" not in environment.get("TERRAFORM_BINARY_NAME", "") else _MAIN_FILES[::-1]
    yield from [home / name for name in names if (home / name).is_file()][:1]
    folder = home / ".terraform.d"
    yield from sorted(path for pattern in ("*.tfrc", "*.tfrc.json") for path in folder.glob(pattern))


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    home = Path(environment.get("HOME", "/"))
    candidates = [home / name for name in _MAIN_FILES]
    candidates += [
        Path(environment[name]) for name in ("TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG") if name in environment
    ]
    candidates += [path for pattern in ("*.tfrc", "*.tfrc.json") for path in (home / ".terraform.d").glob(pattern)]
    yield from {path.resolve() for path in candidates if path.is_file()}


def _implied_mirrors(environment: Mapping[str, str]) -> Iterable[Path]:
    """Where Terraform and OpenTofu look without being told."""
    home = Path(environment.get("HOME", "/"))
    data = [Path(environment.get("XDG_DATA_HOME") or home / ".local/share")]
    data += [Path(folder) for folder in environment.get("XDG_DATA_DIRS", "/usr/local/share:/usr/share").split(":")]
    yield home / ".terraform.d/plugins"
    for folder in data:
        yield from (folder / "terraform/plugins", folder / "opentofu/plugins")


def _providers(folder: Path) -> Iterator[Path]:
    """What a mirror, a cache or a folder of `dev_overrides` holds of the AWS provider: versions, archives, programs."""
    if folder.is_absolute() and folder.is_dir():
        yield from folder.glob(f"*/{_PROVIDER}/*")
        yield from folder.glob("terraform-provider-aws*")
