"""The handler service that multi-model-server's workers load; the only class of its module, as they require.

This folder runs in the baseline's own environment (multi_model_server.py installs it), never in the application's.
"""

from mxnet_handler import MXNetHandler
from sagemaker_inference import default_handler_service
from sagemaker_inference.transformer import Transformer


class HandlerService(default_handler_service.DefaultHandlerService):
    def __init__(self):
        super().__init__(transformer=Transformer(default_inference_handler=MXNetHandler()))
