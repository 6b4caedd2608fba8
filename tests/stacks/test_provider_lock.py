"""The lock file of a local stack: Terraform accepts it with any checksum."""

import json
from pathlib import Path

from stacks.provider_lock import LOCK_FILE, write_local_locks


def test_a_version_without_checksums(tmp_path: Path) -> None:
    document = {"terraform": {"required_providers": {"aws": {"source": "hashicorp/aws", "version": "6.25.0"}}}}
    for name in ("made", "hcl"):
        (tmp_path / name).mkdir()
    (tmp_path / "made" / "cdk.tf.json").write_text(json.dumps(document))
    write_local_locks([tmp_path / name for name in ("made", "hcl", "missing")])
    text = (tmp_path / "made" / LOCK_FILE).read_text()
    assert "h1:" not in text
    for host in ("registry.terraform.io", "registry.opentofu.org"):
        assert f'provider "{host}/hashicorp/aws" {{\n  version     = "6.25.0"\n  constraints = "6.25.0"\n}}\n' in text
    assert not (tmp_path / "hcl" / LOCK_FILE).exists()


def test_after_init_only_the_installed_provider_is_named(tmp_path: Path) -> None:
    document = {"terraform": {"required_providers": {"aws": {"source": "hashicorp/aws", "version": "6.25.0"}}}}
    (tmp_path / "cdk.tf.json").write_text(json.dumps(document))
    installed = 'provider "registry.terraform.io/hashicorp/aws" {\n  version = "6.25.0"\n  hashes = ["h1:abc"]\n}\n'
    (tmp_path / LOCK_FILE).write_text(installed)
    write_local_locks([tmp_path])
    text = (tmp_path / LOCK_FILE).read_text()
    assert "h1:" not in text
    assert "registry.terraform.io" in text
    assert "registry.opentofu.org" not in text
