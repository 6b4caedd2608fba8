"""`python -m model_catalog`: the catalog without the rest of the project. People use `mme models` (`mme/`)."""

import sys

from model_catalog.commands import application
from model_catalog.errors import CatalogError


def main() -> None:
    try:
        application(prog_name="python -m model_catalog")
    except CatalogError as error:
        for complaint in error.complaints:
            print(f"error: {complaint}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
