"""`python -m capacity`: the wiring of the commands."""

import sys

from capacity.cli import application
from capacity.errors import CapacityError


def main() -> None:
    try:
        application(prog_name="python -m capacity")
    except CapacityError as error:
        for complaint in error.complaints:
            print(f"error: {complaint}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
