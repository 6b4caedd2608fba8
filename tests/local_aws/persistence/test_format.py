"""The format's number goes with what is saved: anyone who changes one sees that the other has to change."""

from dataclasses import fields

from local_aws.cloudwatch.history import HistoryItem
from local_aws.content import Content, Segment
from local_aws.persistence import manifest
from local_aws.persistence.bodies import Body
from local_aws.persistence.pickling import LISTED
from local_aws.sagemaker.records import Endpoint
from local_aws.sagemaker.saved import write_endpoint
from local_aws.scaling.activities import Activity


def names(kind: type) -> list[str]:
    return [field.name for field in fields(kind)]


def test_what_is_saved_belongs_to_the_format() -> None:
    """If this fails, accounts that were saved before cannot be read any more: raise FORMAT, and describe it here."""
    endpoint = Endpoint(name="e", arn="arn", request={})
    assert manifest.FORMAT == 1
    assert {module: listed for module, listed in LISTED.items() if module.startswith("local_aws.")} == {
        "local_aws.cloudwatch.history": {"HistoryItem"},
        Content.__module__: {"Content", "Segment"},
        "local_aws.persistence.bodies": {"fill_key"},
        "local_aws.persistence.pickling": {
            "alarm",
            "mapping",
            "new_lock",
            "new_object",
            "new_rlock",
            "private_key",
            "versions",
        },
    }
    assert names(HistoryItem) == ["alarm", "at", "kind", "summary", "data"]
    assert (names(Content), Segment._fields, names(Body)) == (
        ["segments"],
        ("file", "offset", "size"),
        ["name", "size"],
    )
    assert names(Activity) == ["resource_id", "dimension", "at", "description", "cause", "failure", "id"]
    assert list(write_endpoint(endpoint, None)) == [
        "name",
        "arn",
        "created",
        "request",
        "status",
        "config",
        "pending",
        "failure_reason",
        "deployment_config",
        "modified",
        "variants",
    ]
