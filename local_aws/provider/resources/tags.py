"""Tags as the services want them."""

from collections.abc import Callable, Iterable, Mapping

from ..resource import Call


def to_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: name, value: text} for name, text in tags.items()]


def from_list(tags: Iterable[Mapping[str, str]], key: str = "Key", value: str = "Value") -> dict[str, str]:
    return {tag[key]: tag[value] for tag in tags}


def by_arn(
    arn: Callable[[Call], str], resource: str = "ResourceArn", keys: str = "TagKeys", as_map: bool = False
) -> Callable[[Call, dict[str, str], list[str]], None]:
    """A `tag` for a service whose tag_resource takes an ARN; the names of its parameters differ in case only."""
    lower = resource[0].islower()
    names = ("tags", "key", "value") if lower else ("Tags", "Key", "Value")

    def tag(call: Call, changed: dict[str, str], removed: list[str]) -> None:
        if changed:
            tags = changed if as_map else to_list(changed, *(("Key", "Value") if lower else names[1:]))
            call.client.tag_resource(**{resource: arn(call), names[0]: tags})
        if removed:
            call.client.untag_resource(**{resource: arn(call), keys: removed})

    return tag
