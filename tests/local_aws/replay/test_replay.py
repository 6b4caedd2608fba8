"""Everything that the real provider sent in whole chains of changes is answered as it was when it was content.

The recordings are of hashicorp/aws 6.34.0; docs/newer-provider.md says how to make others.
"""

from pathlib import Path

import pytest

from local_aws.process import LocalAws
from tests.local_aws.replay.answers import differences
from tests.local_aws.replay.exceptions import ACCEPTED
from tests.local_aws.replay.exchange import RECORDINGS, exchanges
from tests.local_aws.replay.player import Player

NAMES = sorted(path.name.removesuffix(".jsonl.gz") for path in RECORDINGS.glob("*.jsonl.gz"))


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_those_that_the_provider_accepted(name: str, tmp_path: Path) -> None:
    accepted = [item for item in ACCEPTED if name in item.recordings]
    used, unexpected = set(), []
    with LocalAws(
        directory=tmp_path / "aws", port=0, provider="none", runtime="process", log_file=tmp_path / "log"
    ) as aws:
        player = Player(aws)
        try:
            for number, (recorded, answer) in enumerate(player.play(list(exchanges(name))), 1):
                for difference in differences(recorded, answer):
                    covering = [item for item in accepted if item.covers(difference)]
                    used.update(covering)
                    if not covering:
                        unexpected.append(f"line {number}: {difference}")
        finally:
            player.close()
    assert unexpected == []
    assert [item for item in accepted if item not in used] == [], "no longer so: take them out of the list"
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_the_recordings_hold_no_credentials() -> None:
    for name in NAMES:
        for exchange in exchanges(name):
            assert not {"authorization", "x-amz-security-token", "cookie"} & exchange.headers.keys()
            assert "Signature" not in exchange.query and "AccessKey" not in exchange.query
            assert "SecretAccessKey" not in exchange.response_body
