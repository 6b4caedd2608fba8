"""`python -m capacity`: the commands of `mme capacity`, without the rest of the project."""

import sys

from capacity.commands import application
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
