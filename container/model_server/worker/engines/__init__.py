"""What runs a model: MXNet, ONNX Runtime, or the artifact's own code."""
