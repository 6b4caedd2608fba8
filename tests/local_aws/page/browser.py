"""A headless Chromium for the page: Debian's `chromium` and `chromium-driver`, driven with Selenium."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from unittest import mock

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
except ImportError:  # the environment of a deployment
    webdriver = None

Scheme = Literal["light", "dark"]


def why_not() -> str | None:
    """Why no browser can be had here, None where one can."""
    if webdriver is None:
        return "the package selenium is not installed"
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    if missing:
        return f"{' and '.join(missing)} not found (Debian: apt-get install chromium chromium-driver)"
    return None


@contextmanager
def chromium(*, scheme: Scheme = "light", width: int = 1280, height: int = 900) -> Iterator[Any]:
    """A browser with a profile of its own, which is removed at the end; Selenium's driver."""
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as home:
        options = Options()
        options.binary_location = shutil.which("chromium")
        for argument in (
            "--headless=new",
            "--no-sandbox",  # needs no rights that containers lack; only the page of this machine is opened
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-proxy-server",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--hide-scrollbars",
            f"--user-data-dir={home}/profile",
            f"--window-size={width},{height}",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        # Selenium's own requests to the driver, too, never go through a proxy.
        direct = {"NO_PROXY": "localhost,127.0.0.1", "no_proxy": "localhost,127.0.0.1"}
        environment = {**os.environ, **direct, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
        service = Service(executable_path=shutil.which("chromedriver"), env=environment)
        with mock.patch.dict(os.environ, direct):
            driver = webdriver.Chrome(options=options, service=service)
        try:
            prefer(driver, scheme)
            resize(driver, width, height)
            yield driver
        finally:
            driver.quit()


def resize(driver: Any, width: int, height: int) -> None:
    """The size of the page's viewport, in pixels."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def prefer(driver: Any, scheme: Scheme) -> None:
    """As if the person had chosen this colour scheme in their system."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def complaints(driver: Any) -> list[str]:
    """What the browser wrote to its console since the last call: errors of scripts, violations of the policy."""
    return [entry["message"] for entry in driver.get_log("browser")]
