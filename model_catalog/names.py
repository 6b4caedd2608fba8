"""Names of models, and the Terraform identifiers they become."""

import re
from collections import defaultdict
from collections.abc import Iterable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_NAME_MAXIMUM_CHARACTERS = 200
_SLOT_SUFFIX = re.compile(r"(?P<identifier>.+)_slot_[0-9]+")


def terraform_identifier(name: str) -> str:
    """The identifier under which a model's S3 objects stand in Terraform: `resnet-18.v1` becomes `resnet_18_v1`."""
    identifier = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return f"model_{identifier}" if identifier[:1].isdigit() else identifier


def name_complaints(names: Iterable[str]) -> list[str]:
    """Every name that is not allowed, and every group of names that Terraform could not tell apart."""
    complaints = []
    by_identifier: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        if len(name) > _NAME_MAXIMUM_CHARACTERS or not _NAME.fullmatch(name):
            complaints.append(
                f"model {name!r}: a name is 1 to {_NAME_MAXIMUM_CHARACTERS} of the characters A-Z a-z 0-9 . _ - (and / "
                "between the parts of a name, as in tenant-a/squeezenet); each part begins with a letter or a digit."
            )
        by_identifier[terraform_identifier(name)].append(name)
    for identifier, alike in by_identifier.items():
        if len(alike) > 1:
            complaints.append(
                f"models {', '.join(alike)}: all would have the Terraform address aws_s3_object.{identifier}; "
                "rename all but one."
            )
        slot = _SLOT_SUFFIX.fullmatch(identifier)
        if slot and slot["identifier"] in by_identifier:
            complaints.append(
                f"model {alike[0]}: its Terraform address aws_s3_object.{identifier} belongs to the versions of "
                f"{by_identifier[slot['identifier']][0]}; rename one of the two."
            )
    return complaints
