"""Names of what is compared, as the report shows them."""

BASELINE = "multi-model-server"
BASELINE_PER_CORE = "multi-model-server, worker per core"
MXNET = "MXNet"
ONNX = "ONNX Runtime"
TRITON = "Triton"
MLSERVER = "MLServer"
CONTENDERS = (BASELINE, BASELINE_PER_CORE, MXNET, ONNX)
