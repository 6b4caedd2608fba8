"""Providers by what they are, whichever registry's host their source names."""

from __future__ import annotations

from collections.abc import Mapping

# The default registries of Terraform and OpenTofu hold the same providers.
_REGISTRIES = ("registry.terraform.io/", "registry.opentofu.org/")


def canonical(source: str) -> str:
    """`hashicorp/aws` of a source in a default registry; a source with another host stays whole."""
    for registry in _REGISTRIES:
        if source.startswith(registry):
            return source.removeprefix(registry)
    return source


def approved_version(source: str, approved: Mapping[str, str]) -> str | None:
    """The version that a policy approves for a provider, under whichever default registry the policy names it."""
    return {canonical(name): version for name, version in approved.items()}.get(canonical(source))
