"""A plan's settings in an environment of cdktf.json: what changes, whether it is allowed, what it costs."""

import difflib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from capacity.errors import CapacityError
from capacity.json_edit import with_value
from capacity.report import Settings
from plan_review.prices import PriceTable
from stacks.errors import SettingsError
from stacks.settings import EnvironmentSettings
from stacks.settings_reader import parse_settings, read_settings


@dataclass(frozen=True)
class Change:
    """The file's new text, and the environment before and after. `diff` is empty if nothing changes."""

    text: str
    diff: str
    before: EnvironmentSettings
    after: EnvironmentSettings

    def cost_sentence(self, prices: PriceTable) -> str:
        """What the instances cost a month, before and after, at the counts that a deployment starts with."""
        region = prices.regions.get(self.after.region)
        amounts = []
        for settings in (self.before, self.after):
            price = None if region is None else region.per_hour.get(settings.instance_type)
            count = settings.initial_instance_count * settings.shards.deployed_count
            amounts.append(None if price is None else price * count * prices.hours_per_month)
        before, after = amounts
        if before is None or after is None:
            unknown = self.before.instance_type if before is None else self.after.instance_type
            return f"Cost: no price is known for {unknown} in {self.after.region}."
        return (
            f"Cost: {before:,.0f} {prices.currency} a month before, {after:,.0f} after ({after - before:+,.0f}), for "
            "the instances at their initial counts, list prices."
        )


def propose(path: Path, environment: str, settings: Settings, *, scaling: bool) -> Change:
    """The change that writes `settings` into an environment of the file at `path`; nothing is written.

    Args:
        scaling: whether to write the limits and the target of the scaling as well.

    Raises:
        CapacityError: the file is not valid, has no such environment, or would not be valid afterwards.
    """
    text, before = _read(path), _settings_of(path, environment)
    block = ("context", "environments", environment)
    values: dict[tuple[str, ...], object] = {
        (*block, "instance_type"): settings.instance_type,
        (*block, "initial_instance_count"): settings.initial_instance_count,
    }
    scaled = {
        "minimum_instance_count": settings.minimum_instance_count,
        "maximum_instance_count": settings.maximum_instance_count,
        "target_invocations_per_instance_per_minute": settings.target_invocations_per_instance_per_minute,
    }
    if scaling and before.auto_scaling is None:
        values[(*block, "auto_scaling")] = scaled
    elif scaling:
        values |= {(*block, "auto_scaling", key): value for key, value in scaled.items()}
    changed = text
    for keys, value in values.items():
        changed = with_value(changed, keys, value)
    try:
        after = parse_settings(json.loads(changed)["context"], {}).environments[environment]
    except SettingsError as error:
        raise CapacityError(
            [
                f"{path}: the recommended settings are not allowed in {environment}, nothing is written:",
                *error.complaints,
            ]
        ) from error
    return Change(changed, _diff(path, text, changed), before, after)


def write_change(path: Path, change: Change) -> None:
    """Write the file in one step.

    Raises:
        CapacityError: it cannot be written.
    """
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.resolve().parent, prefix=f".{path.name}-")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(change.text)
        Path(temporary).chmod(path.stat().st_mode & 0o777)
        Path(temporary).replace(path.resolve())
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise CapacityError(f"{path}: cannot be written: {error}.") from error


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise CapacityError(f"{path}: cannot be read: {error}.") from error


def _settings_of(path: Path, environment: str) -> EnvironmentSettings:
    try:
        environments = read_settings(path, {}).environments
    except SettingsError as error:
        raise CapacityError(error.complaints) from error
    if environment not in environments:
        raise CapacityError(
            f"{path}: there is no environment {environment!r}; there are {', '.join(sorted(environments))}."
        )
    return environments[environment]


def _diff(path: Path, before: str, after: str) -> str:
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return "".join(difflib.unified_diff(old, new, fromfile=str(path), tofile=str(path), n=2))
