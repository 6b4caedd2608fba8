import random
from pathlib import Path

import pytest

from examples.downloads import DownloadError, Retries, VerificationError, download
from tests.examples.conftest import Answer, WebServer, serve_file

CONTENT = random.Random(1).randbytes(300_000)
AT_ONCE = Retries(attempts=3, first_pause_seconds=0.0)


def verify(path: Path) -> None:
    if path.read_bytes() != CONTENT:
        raise VerificationError("other content")


def fetch(sources: list[str], destination: Path, **changes: object) -> None:
    download(sources, destination, verify, retries=AT_ONCE, **changes)  # type: ignore[arg-type]


def ranges(web: WebServer) -> list[str | None]:
    return [request.headers.get("range") for request in web.requests]


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "file"


def test_fetches_and_reports_progress(web: WebServer, destination: Path) -> None:
    web.answer = lambda request: serve_file(CONTENT, request)
    progress: list[tuple[int, int | None]] = []
    fetch([web.url], destination, on_progress=lambda done, total: progress.append((done, total)))
    assert destination.read_bytes() == CONTENT
    assert progress[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)
    assert [path.name for path in destination.parent.iterdir()] == ["file"]


def test_a_verified_file_is_not_fetched_again(web: WebServer, destination: Path) -> None:
    destination.parent.mkdir()
    destination.write_bytes(CONTENT)
    fetch([web.url], destination)
    assert web.requests == []


def test_a_damaged_file_is_fetched_again(web: WebServer, destination: Path) -> None:
    web.answer = lambda request: serve_file(CONTENT, request)
    destination.parent.mkdir()
    destination.write_bytes(CONTENT[:-1])
    fetch([web.url], destination)
    assert destination.read_bytes() == CONTENT


def test_a_connection_that_breaks_is_resumed_however_often(web: WebServer, destination: Path) -> None:
    web.answer = lambda request: serve_file(CONTENT, request, limit_bytes=65_536)
    fetch([web.url], destination)
    assert destination.read_bytes() == CONTENT
    assert ranges(web) == [None, *(f"bytes={65_536 * number}-" for number in range(1, 5))]


def test_an_interrupted_run_is_resumed_by_the_next(web: WebServer, destination: Path) -> None:
    web.answer = lambda request: serve_file(CONTENT, request, limit_bytes=0 if "range" in request.headers else 65_536)
    with pytest.raises(DownloadError):
        fetch([web.url], destination)
    web.answer = lambda request: serve_file(CONTENT, request)
    fetch([web.url], destination)
    assert destination.read_bytes() == CONTENT
    assert ranges(web)[-1] == "bytes=65536-"


def test_a_server_without_ranges_starts_over(web: WebServer, destination: Path) -> None:
    answers = iter([Answer(CONTENT[:100], declared_bytes=len(CONTENT)), Answer(CONTENT)])
    web.answer = lambda _: next(answers)
    fetch([web.url], destination)
    assert destination.read_bytes() == CONTENT


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_tried_again(web: WebServer, destination: Path, status: int) -> None:
    answers = iter([Answer(status=status), Answer(status=status), Answer(CONTENT)])
    web.answer = lambda _: next(answers)
    fetch([web.url], destination)
    assert len(web.requests) == 3


def test_the_next_source_is_asked_where_one_lacks_the_file_or_gives_another(web: WebServer, destination: Path) -> None:
    answers = {"/a": Answer(status=404), "/b": Answer(b"other"), "/c": Answer(CONTENT)}
    web.answer = lambda request: answers[request.path]
    fetch([f"{web.url}{path}" for path in answers], destination)
    assert [request.path for request in web.requests] == ["/a", "/b", "/c"]
    assert destination.read_bytes() == CONTENT


def test_what_another_file_left_behind_does_no_harm(web: WebServer, destination: Path) -> None:
    web.answer = lambda request: serve_file(CONTENT, request)
    destination.parent.mkdir()
    destination.with_name("file.part").write_bytes(b"x" * 1000)
    fetch([web.url], destination)
    assert destination.read_bytes() == CONTENT
    assert ranges(web) == ["bytes=1000-", None]


def test_wrong_content_everywhere_is_an_error_and_leaves_nothing(web: WebServer, destination: Path) -> None:
    web.answer = lambda _: Answer(b"other")
    with pytest.raises(DownloadError) as caught:
        fetch([f"{web.url}/a", f"{web.url}/b"], destination)
    assert not caught.value.out_of_reach
    assert f"{web.url}/a: other content" in str(caught.value)
    assert f"{web.url}/b: other content" in str(caught.value)
    assert list(destination.parent.iterdir()) == []


def test_sources_that_cannot_be_reached_are_said_to_be_out_of_reach(destination: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        fetch(["http://127.0.0.1:1/a", "http://127.0.0.1:1/b"], destination)
    assert caught.value.out_of_reach
    first, second, third = str(caught.value).splitlines()
    assert first == "file cannot be downloaded:"
    assert second.startswith("  http://127.0.0.1:1/a: Failed to establish a new connection")
    assert third.startswith("  http://127.0.0.1:1/b: ")
