"""The text of data.aws_iam_policy_document, byte for byte."""

import json
from typing import Any

import pytest

from local_aws.provider.errors import ProviderError
from local_aws.provider.json_text import go_json
from local_aws.provider.planning import with_defaults
from local_aws.provider.policy_document import policy_document
from local_aws.provider.schema import load_schema

BLOCK = load_schema().data_sources["aws_iam_policy_document"]


def document(**arguments: Any) -> dict[str, Any]:
    return policy_document(with_defaults(BLOCK, BLOCK.conform(arguments)))


def test_text() -> None:
    text = go_json(
        document(
            statement=[
                {
                    "sid": "Read",
                    "actions": ["s3:GetObject", "s3:ListBucket"],
                    "resources": ["arn:aws:s3:::b/&{aws:username}/*"],
                    "condition": [
                        {"test": "StringLike", "variable": "s3:prefix", "values": ["b", "a"]},
                        {"test": "Bool", "variable": "aws:SecureTransport", "values": ["true"]},
                    ],
                },
                {
                    "effect": "Deny",
                    "not_actions": ["iam:*"],
                    "not_resources": ["<all>"],
                    "principals": [
                        {"type": "AWS", "identifiers": ["arn:b", "arn:a"]},
                        {"type": "AWS", "identifiers": ["arn:c"]},
                    ],
                },
                {"actions": ["s3:*"], "principals": [{"type": "*", "identifiers": ["*"]}]},
            ]
        ),
        indent=2,
    )
    assert text == (
        """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Read",
      "Effect": "Allow",
      "Action": [
        "s3:ListBucket",
        "s3:GetObject"
      ],
      "Resource": "arn:aws:s3:::b/${aws:username}/*",
      "Condition": {
        "Bool": {
          "aws:SecureTransport": "true"
        },
        "StringLike": {
          "s3:prefix": [
            "b",
            "a"
          ]
        }
      }
    },
    {
      "Effect": "Deny",
      "NotAction": "iam:*",
      "NotResource": "\\u003call\\u003e",
      "Principal": {
        "AWS": [
          "arn:b",
          "arn:a",
          "arn:c"
        ]
      }
    },
    {
      "Effect": "Allow",
      "Action": "s3:*",
      "Principal": "*"
    }
  ]
}"""
    )


def test_nothing_but_a_version() -> None:
    assert go_json(document()) == '{"Version":"2012-10-17"}'
    assert document(version="2008-10-17", policy_id="p") == {"Version": "2008-10-17", "Id": "p"}


def test_sources_and_overrides() -> None:
    source = json.dumps({"Version": "2012-10-17", "Statement": {"Sid": "A", "Effect": "Allow", "Action": "a:*"}})
    override = json.dumps({"Statement": [{"Sid": "B", "Effect": "Deny", "Action": "b:*"}]})
    merged = document(
        source_policy_documents=[source],
        statement=[{"sid": "B", "actions": ["b:Get"]}, {"actions": ["c:Get"]}],
        override_policy_documents=[override],
    )
    assert [(item.get("Sid"), item["Effect"]) for item in merged["Statement"]] == [
        ("A", "Allow"),
        ("B", "Deny"),
        (None, "Allow"),
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"statement": [{"sid": "A"}, {"sid": "A"}]}, r"duplicate Sid \(A\)"),
        ({"source_policy_documents": ["{"]}, "source_policy_documents holds something that is not JSON"),
        ({"override_policy_documents": ["[]"]}, "override_policy_documents holds JSON that is no policy"),
    ],
)
def test_complaints(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ProviderError, match=complaint):
        document(**arguments)
