"""`python -m local_aws COMMAND`: the local AWS alone, for other processes."""

import sys

from .commands import app
from .errors import LocalAwsError


def main() -> None:
    """Run the command; a user's mistake is one line and exit code 1."""
    try:
        app()
    except LocalAwsError as error:
        sys.exit(f"local AWS: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
