"""Take the pictures of the page for the documentation: `python -m tests.local_aws.page.picture docs`.

Writes local-aws-page-light.png and local-aws-page-dark.png into the folder. Takes about five minutes.
"""

import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from tests.local_aws.page.browser import Scheme, chromium, prefer, resize, why_not
from tests.local_aws.page.scene import scene

_WIDTH = 1180
_LOAD_SECONDS = 200
_INVOKE = (
    "document.getElementById('json').value = JSON.stringify({instances: [Array(16).fill(0.1)]});"
    "document.getElementById('model').value = 'digits-mlp.tar.gz';"
    "document.getElementById('send').click();"
)
_SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def main() -> None:
    reason = why_not()
    if reason is not None:
        sys.exit(f"no picture can be taken: {reason}")
    target = Path(sys.argv[1])
    with (
        tempfile.TemporaryDirectory() as folder,
        scene(Path(folder), seconds=_LOAD_SECONDS) as aws,
        chromium(width=_WIDTH, height=900) as driver,
    ):
        driver.get(aws.page_link())
        time.sleep(3)  # processor time is that between two looks
        driver.execute_script(_INVOKE)
        time.sleep(3)
        height = driver.execute_script("return document.documentElement.scrollHeight")
        resize(driver, _WIDTH, height)
        for scheme in _SCHEMES:
            prefer(driver, scheme)
            time.sleep(0.5)
            file = target / f"local-aws-page-{scheme}.png"
            driver.save_screenshot(str(file))
            with Image.open(file) as picture:  # few colours: a third of the size
                reduced = picture.convert("RGB").quantize(200, method=Image.Quantize.MAXCOVERAGE)
                reduced.save(file, optimize=True)
            print(f"{file}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
