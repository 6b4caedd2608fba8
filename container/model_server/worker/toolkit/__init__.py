"""What artifacts' own code imports from AWS's `sagemaker_inference`: content types, decoder, encoder and errors.

The package itself is not in the image: it brings scipy and boto3, more than all else the server needs, for these few
functions. Where it is installed, it is what the code gets. https://github.com/aws/sagemaker-inference-toolkit
"""

import importlib.util
import sys

from . import content_types, decoder, encoder, errors

_NAME = "sagemaker_inference"


def provide() -> None:
    """Make `import sagemaker_inference` find this package where that one is not installed."""
    if _NAME in sys.modules or importlib.util.find_spec(_NAME) is not None:
        return
    sys.modules[_NAME] = sys.modules[__name__]
    for module in (content_types, decoder, encoder, errors):
        sys.modules[f"{_NAME}.{module.__name__.rpartition('.')[2]}"] = module
