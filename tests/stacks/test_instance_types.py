"""The instance types are SageMaker's own list, as botocore has it. UPDATE_GOLDEN=1 rewrites the module."""

import os
from collections import defaultdict
from pathlib import Path

import botocore.session

from stacks import instance_types

FILE = Path(instance_types.__file__)
HEAD = '''"""The instance types of SageMaker's endpoints, a family a line. Terraform's AWS provider refuses others.

A table rather than botocore's model, which every synthesis would wait for; tests/stacks/test_instance_types.py keeps it
as botocore has it.
"""

_FAMILIES = """
'''
FOOT = '''"""

INSTANCE_TYPES = tuple(
    f"ml.{family}.{size}"
    for family, _, sizes in (line.partition(": ") for line in _FAMILIES.split("\\n") if line)
    for size in sizes.split()
)
'''


def test_they_are_botocore_s():
    shape = botocore.session.get_session().get_service_model("sagemaker").shape_for("ProductionVariantInstanceType")
    families = defaultdict(list)
    for instance_type in shape.enum:
        _, family, size = instance_type.split(".")
        families[family].append(size)
    lines = "".join(f"{family}: {' '.join(sizes)}\n" for family, sizes in sorted(families.items()))
    text = f"{HEAD}{lines}{FOOT}"
    if os.environ.get("UPDATE_GOLDEN"):
        FILE.write_text(text, encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == text


def test_they_are_whole():
    assert len(set(instance_types.INSTANCE_TYPES)) == len(instance_types.INSTANCE_TYPES) > 200
    assert {"ml.m5.large", "ml.c7g.xlarge", "ml.g5.xlarge"} <= set(instance_types.INSTANCE_TYPES)
