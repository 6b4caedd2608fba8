"""Names of models, and the Terraform identifiers they become."""

import re
from collections import defaultdict
from collections.abc import Iterable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_NAME_MAXIMUM_CHARACTERS = 200


def terraform_identifier(name: str) -> str:
    """What the Terraform addresses of a model's S3 objects begin with: `resnet-18.b` becomes `resnet_18_b`."""
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
                f"models {', '.join(alike)}: their versions would have the same Terraform addresses, such as "
                f"aws_s3_object.{identifier}_v1; rename all but one."
            )
    return complaints
