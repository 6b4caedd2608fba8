"""Terraform's CLI configuration: what decides from where Terraform may install a provider.

https://developer.hashicorp.com/terraform/cli/config/config-file
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from string import Template

# Beside these, everything that begins with TF_ counts, but for what the project itself sets.
_VARIABLES = re.compile(
    r"(?i:https?_proxy|all_proxy|no_proxy)|SSL_CERT_(?:FILE|DIR)|TERRAFORM_CONFIG|HOME|XDG_\w+|TF_(?!REATTACH_PROVIDERS$)\w+"
)
_MAIN_FILES = (".terraformrc", ".tofurc")
_QUOTED = re.compile(r'"((?:[^"\\\n]|\\.)+)"')
_PROVIDER = "hashicorp/aws"


def configuration_file(environment: Mapping[str, str]) -> Path | None:
    """The file that TF_CLI_CONFIG_FILE names, with its whole path; None where it names none that exists."""
    given = environment.get("TF_CLI_CONFIG_FILE")
    return Path(given).resolve() if given and Path(given).is_file() else None


def fingerprint(environment: Mapping[str, str]) -> str:
    """A digest of all that decides whether `terraform init` finds the AWS provider, but for registries and mirrors
    on the network: variables, the configuration's files, and which versions its folders on this machine hold.
    """
    files = sorted(_files(environment))
    contents = [(str(file), file.read_text(errors="replace")) for file in files]
    quoted = [text for _, content in contents for text in _QUOTED.findall(content)]
    named = [Path(Template(text).safe_substitute(environment)) for text in quoted]
    folders = {*named, *_implied_mirrors(environment)}
    facts = {
        "variables": sorted(item for item in environment.items() if _VARIABLES.fullmatch(item[0])),
        "files": contents,
        "providers": sorted(str(path) for folder in folders for path in _providers(folder)),
    }
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    home = Path(environment.get("HOME", "/"))
    candidates = [home / name for name in _MAIN_FILES]
    candidates += [
        Path(environment[name]) for name in ("TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG") if name in environment
    ]
    candidates += [path for pattern in ("*.tfrc", "*.tfrc.json") for path in (home / ".terraform.d").glob(pattern)]
    yield from {path.resolve() for path in candidates if path.is_file()}


def _implied_mirrors(environment: Mapping[str, str]) -> Iterable[Path]:
    """Where Terraform and OpenTofu look without being told, and the plugin cache."""
    home = Path(environment.get("HOME", "/"))
    data = [Path(environment.get("XDG_DATA_HOME") or home / ".local/share")]
    data += [Path(folder) for folder in environment.get("XDG_DATA_DIRS", "/usr/local/share:/usr/share").split(":")]
    yield home / ".terraform.d/plugins"
    for folder in data:
        yield from (folder / "terraform/plugins", folder / "opentofu/plugins")
    if cache := environment.get("TF_PLUGIN_CACHE_DIR"):
        yield Path(cache)


def _providers(folder: Path) -> Iterator[Path]:
    """What a mirror, a cache or a folder of `dev_overrides` holds of the AWS provider: versions, archives, programs."""
    if folder.is_absolute() and folder.is_dir():
        yield from folder.glob(f"*/{_PROVIDER}/*")
        yield from folder.glob("terraform-provider-aws*")
