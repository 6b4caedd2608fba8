"""A CLI configuration with the stand-in's mirror: judged by Terraform, which installs by it."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.errors import ProviderUnavailableError
from local_aws.installation import with_mirror
from local_aws.provider.mirror import write_mirror
from local_aws.terraform import PROVIDER_VERSION

NO_METHOD = "provider_installation {\n}\n"
HERE = Path("/my.tfrc")
EXCLUDED = '["registry.terraform.io/hashicorp/aws", "registry.opentofu.org/hashicorp/aws"]'

USERS = {
    "none": None,
    "empty": "",
    "no installation": (
        'plugin_cache_dir = "/nowhere"\ncredentials "a.example" {\n  token = "} provider_installation {"\n}\n'
    ),
    "no method": NO_METHOD,
    "direct": "provider_installation {\n  direct {}\n}\n",
    "one line": 'provider_installation { direct { exclude = ["a.example/*/*"] } }\n',
    "unreachable mirror": 'provider_installation {\n  network_mirror {\n    url = "https://127.0.0.1:1/"\n  }\n}\n',
    "exclusions": (
        "provider_installation {\n  # } a comment with exclude = [\n  filesystem_mirror {\n"
        '    path = "FOLDER"\n    include = ["*/*/*"]\n    exclude = ["a.example/*/*"]\n  }\n  direct {}\n}\n'
    ),
    "overrides of others": (
        'provider_installation {\n  dev_overrides {\n    "example/b" = "FOLDER"\n  }\n  direct {}\n}\n'
    ),
    "json": json.dumps(
        {
            "disable_checkpoint": True,
            "credentials": {"a.example": {"token": "t"}},
            "provider_installation": {"direct": {"exclude": ["a.example/*/*"]}},
        }
    ),
}


@pytest.mark.parametrize("name", USERS)
def test_terraform_installs_the_stand_in(tmp_path: Path, name: str) -> None:
    """Without a registry: a method that is not told to leave hashicorp/aws out would fail."""
    write_mirror(tmp_path / "mirror", PROVIDER_VERSION)
    (tmp_path / "folder").mkdir()
    text = USERS[name]
    files = {} if text is None else {HERE: text.replace("FOLDER", str(tmp_path / "folder"))}
    (tmp_path / "terraform.rc").write_text(with_mirror(files, tmp_path / "mirror", ()))
    requirement = {"required_providers": {"aws": {"source": "hashicorp/aws", "version": PROVIDER_VERSION}}}
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "main.tf.json").write_text(json.dumps({"terraform": requirement}))
    variables = {"TF_CLI_CONFIG_FILE": str(tmp_path / "terraform.rc"), "CHECKPOINT_DISABLE": "1", "HOME": str(tmp_path)}
    ran = subprocess.run(
        ["terraform", "init", "-no-color"],
        cwd=tmp_path / "work",
        env={"PATH": os.environ["PATH"], "TF_PLUGIN_CACHE_DIR": "", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "CLI configuration" not in ran.stdout + ran.stderr, ran.stdout + ran.stderr
    (installed,) = (tmp_path / "work" / ".terraform").rglob("terraform-provider-aws_*")
    assert installed.is_file()
    assert os.access(installed, os.X_OK)
    assert not installed.parent.is_symlink()  # it outlives the mirror


def test_the_archives_are_the_same_everywhere(tmp_path: Path) -> None:
    write_mirror(tmp_path / "one", "1.2.3")
    write_mirror(tmp_path / "two", "1.2.3")
    archives = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.zip")]
    assert len(archives) == 8
    assert all((tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes() for path in archives)


def test_an_override_of_hashicorp_aws_is_refused() -> None:
    text = 'provider_installation {\n  dev_overrides {\n    "hashicorp/aws" = "/build"\n  }\n}\n'
    with pytest.raises(ProviderUnavailableError, match=r"^/my\.tfrc: dev_overrides names hashicorp/aws"):
        with_mirror({HERE: text}, Path("/mirror"), ())


def test_what_implied_folders_hold_does_not_come_from_the_registry(tmp_path: Path) -> None:
    (tmp_path / "registry.terraform.io/hashicorp/random/3.0.0").mkdir(parents=True)
    text = with_mirror({}, Path("/mirror"), [tmp_path])
    assert f'path    = "{tmp_path}"\n    exclude = {EXCLUDED}' in text
    assert '"registry.terraform.io/hashicorp/aws", "registry.terraform.io/hashicorp/random"]' in text


@given(st.text(st.sampled_from('ab "\\{}#/*\n=[]'), max_size=60))
def test_any_text_without_an_installation_is_kept(text: str) -> None:
    merged = with_mirror({HERE: f"# start\n{text}"}, Path("/mirror"), ())
    assert merged.startswith(f"# start\n{text}".rstrip())


@given(st.lists(st.sampled_from(["direct", "network_mirror", "filesystem_mirror"]), max_size=5), st.booleans())
def test_every_method_is_told_to_leave_the_provider_out(methods: list[str], excludes: bool) -> None:
    body = "".join(f"  {name} {{{' exclude = []' if excludes else ''}}} # {{ }} \n" for name in methods)
    merged = with_mirror({HERE: f"provider_installation {{\n{body}}}\n"}, Path("/mirror"), ())
    assert merged.count("exclude = [") == len(methods)
    assert merged.count('"registry.opentofu.org/hashicorp/aws"') == len(methods) + 1
    assert merged.index('"/mirror"') < merged.find("exclude = [") or not methods
