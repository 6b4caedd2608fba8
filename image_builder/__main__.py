"""`python3 -m image_builder`: what the image stack's provisioner runs; its arguments are environment variables."""

import os
import sys

from image_builder.builder import build_and_push
from image_builder.errors import ImageBuilderError
from image_builder.repository import Repository, ecr_client
from image_builder.settings import Settings, read_settings

_INTERRUPTED = 130


def main() -> int:
    try:
        settings = read_settings(os.environ, Settings)
        client = ecr_client(settings.region, settings.endpoint_url)
        build_and_push(
            settings,
            Repository(client, settings.registry_id, settings.repository_name),
            report=lambda line: print(line, flush=True),
        )
    except ImageBuilderError as error:
        print(f"image_builder: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("image_builder: interrupted; deploy again.", file=sys.stderr)
        return _INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
