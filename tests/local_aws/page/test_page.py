"""The page in a headless Chromium, as people see it."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws.process import LocalAws
from tests.local_aws.page import browser
from tests.local_aws.page.conftest import NASTY, Stage

pytestmark = pytest.mark.skipif(
    browser.why_not() is not None, reason=f"NO BROWSER, the page is not tested: {browser.why_not()}"
)
TIMEOUT_SECONDS = 20


@pytest.fixture(scope="module")
def driver(local_aws: LocalAws, stage: Stage) -> Iterator[Any]:
    stage.account.put_alarm("page-rings")
    stage.account.invoke(stage.endpoint, NASTY)
    with browser.chromium() as driver:
        driver.get(local_aws.page_link())
        until(driver, lambda: stage.endpoint in text(driver, "#endpoints"))
        yield driver
    stage.account.client("cloudwatch").delete_alarms(AlarmNames=["page-rings"])


@pytest.fixture(autouse=True)
def silent_console(driver: Any) -> Iterator[None]:
    """No test leaves an error of a script or a violation of the policy."""
    yield
    assert browser.complaints(driver) == []


def until(driver: Any, condition: Callable[[], Any]) -> Any:
    from selenium.webdriver.support.ui import WebDriverWait  # noqa: PLC0415 - where there is a browser

    return WebDriverWait(driver, TIMEOUT_SECONDS).until(lambda _: condition())


def text(driver: Any, selector: str) -> str:
    return driver.execute_script("return document.querySelector(arguments[0]).innerText.trim()", selector)


def card(driver: Any, stage: Stage) -> str:
    """The text of the endpoint's card."""
    return driver.execute_script(
        "return [...document.querySelectorAll('.endpoint')]"
        ".find((card) => card.querySelector('h2').textContent === arguments[0])?.innerText ?? ''",
        stage.endpoint,
    )


def fill(driver: Any, stage: Stage, model: str, body: str | None = None) -> None:
    driver.find_element("id", "endpoint").send_keys(stage.endpoint)
    driver.execute_script(
        "document.getElementById('endpoint').value = arguments[0];"
        "document.getElementById('endpoint').dispatchEvent(new Event('change'))",
        stage.endpoint,
    )
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415 - where there is a browser

    # As a person does: `clear` would take the focus away, and the page then fills an empty field with a suggestion.
    field = driver.find_element("id", "model")
    field.click()
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(model)
    if body is not None:
        driver.find_element("id", "json").clear()
        driver.find_element("id", "json").send_keys(body)


def send(driver: Any, words: str) -> None:
    """Press the button until the answer has `words`; as on AWS, a model may not be ready in time."""

    def answered() -> bool:
        shown = text(driver, "#answer")
        if not shown or "429 ModelNotReadyException" in shown:
            driver.find_element("id", "send").click()
        return words in shown

    driver.execute_script("document.getElementById('answer').replaceChildren()")
    try:
        until(driver, answered)
    except Exception as error:
        raise AssertionError(f"not {words!r} but {text(driver, '#answer')!r}") from error


def test_link_leaves_no_key_in_the_address(driver: Any, local_aws: LocalAws) -> None:
    assert driver.current_url == f"{local_aws.url}/_local/"
    assert driver.execute_script("return document.cookie") == ""
    assert text(driver, "#live") == "live"


def test_endpoint_with_instances_models_and_numbers(driver: Any, stage: Stage) -> None:
    shown = card(driver, stage)
    assert "InService" in shown
    assert re.search(r"i-[0-9a-f]{17}\s+in service", shown)
    assert re.search(r"[\d.]+ MiB of 8 GiB", shown)
    assert re.search(r"\.tar\.gz\s+ready", shown)
    assert re.search(r"\d+ hits?, \d+ misses", shown)
    assert "Model latency" in shown
    assert driver.execute_script("return document.querySelectorAll('svg rect.requests').length") >= 1
    assert "page-rings" in text(driver, "#alarms")
    assert re.search(r"loaded\s+first\.tar\.gz", text(driver, "#events"))


def test_names_are_text(driver: Any, stage: Stage) -> None:
    """A model is called like an image with a script."""
    stage.account.invoke(stage.endpoint, NASTY)
    until(driver, lambda: f"{NASTY}.tar.gz" in card(driver, stage))
    assert driver.title == "Local AWS"
    assert driver.execute_script("return document.querySelectorAll('img[src=\"x\"], #endpoints img').length") == 0


def test_policy_stops_a_script_that_got_in(driver: Any) -> None:
    driver.execute_script(
        "const script = document.createElement('script'); script.textContent = 'document.title = \"broken\"';"
        "document.body.append(script)"
    )
    assert driver.title == "Local AWS"
    (complaint,) = browser.complaints(driver)
    assert "Content Security Policy" in complaint


def test_follows_what_happens(driver: Any, stage: Stage) -> None:
    stage.account.put_model(stage.prefix, "later")
    stage.account.invoke(stage.endpoint, "later")
    until(driver, lambda: "later.tar.gz" in card(driver, stage))
    until(driver, lambda: "evicted" in text(driver, "#events"))
    assert "the container needs room for later.tar.gz" in text(driver, "#events")


def test_invokes_with_json(driver: Any, stage: Stage) -> None:
    fill(driver, stage, "first.tar.gz", json.dumps({"instances": [1, 2]}))
    send(driver, '"title": "first"')
    assert re.search(r"200\s+[\d.]+ ms · AllTraffic", text(driver, "#answer"))


def test_invokes_with_an_image(driver: Any, stage: Stage, tmp_path: Path) -> None:
    from PIL import Image  # noqa: PLC0415

    Image.new("RGB", (8, 8), "red").save(tmp_path / "red.png")
    fill(driver, stage, "second.tar.gz")
    driver.find_element("id", "file").send_keys(str(tmp_path / "red.png"))
    until(driver, lambda: driver.execute_script("return document.getElementById('preview').naturalWidth") == 8)
    send(driver, '"title": "second"')
    driver.execute_script("document.getElementById('file').value = ''")


def test_shows_the_services_error(driver: Any, stage: Stage) -> None:
    fill(driver, stage, "wrong.tar.gz", "{}")
    send(driver, "424 ModelError")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readable_in_both_schemes(driver: Any, scheme: browser.Scheme) -> None:
    """Every text has a contrast of at least 4.5 to 1 to what is behind it (WCAG's level AA)."""
    browser.prefer(driver, scheme)
    weak = driver.execute_script(_CONTRASTS)
    browser.prefer(driver, "light")
    assert weak == []


def test_no_wider_than_a_phone(driver: Any) -> None:
    browser.resize(driver, 390, 844)
    wide = driver.execute_script(
        "return [...document.querySelectorAll('body *')].filter((e) => !e.closest('.scroll table'))"
        ".filter((e) => e.getBoundingClientRect().right > 390.5).map((e) => `${e.tagName} ${e.className}`)"
    )
    browser.resize(driver, 1280, 900)
    assert wide == []


def test_says_that_the_session_ended(driver: Any, local_aws: LocalAws) -> None:
    driver.delete_all_cookies()
    until(driver, lambda: "python -m local_aws page" in text(driver, "#live"))
    assert all("401" in complaint for complaint in browser.complaints(driver))
    driver.get(local_aws.page_link())
    until(driver, lambda: text(driver, "#live") == "live")


_CONTRASTS = """
const parse = (color) => color.match(/[\\d.]+/g).map(Number);
const linear = (c) => c / 255 <= .03928 ? c / 255 / 12.92 : ((c / 255 + .055) / 1.055) ** 2.4;
const light = (color) => color.slice(0, 3).map(linear)
  .reduce((sum, c, at) => sum + c * [.2126, .7152, .0722][at], 0);
const behind = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const color = parse(getComputedStyle(e).backgroundColor);
    if (color.length === 3 || color[3] === 1) return color;
  }
  return [255, 255, 255];
};
const weak = [];
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || !element.getClientRects().length || element.closest("button:disabled, script, option")) continue;
  const style = getComputedStyle(element);
  const [a, b] = [light(parse(element instanceof SVGElement ? style.fill : style.color)), light(behind(element))];
  const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  if (contrast < 4.5) weak.push(`${element.tagName} ${element.textContent.slice(0, 30)}: ${contrast.toFixed(2)}`);
}
return weak;
"""
