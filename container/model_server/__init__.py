"""A model server for SageMaker multi-model endpoints: many models, few worker processes.

| room | runs in |
|---|---|
| `main`, `http`, `hosting`, `telemetry` | the front process, which loads neither numpy nor an engine |
| `worker` | the zygote and the worker processes forked from it: they hold models and run artifacts' code |
| `trial` | a process of its own that `model_catalog add` starts |
| `artifact` | every process, and the catalog |
| `settings`, `errors`, `wire`, `memory`, `process_tree` | every process |
"""

# What the rest of the project imports. All other modules are the server's own business.
PUBLIC = {
    "artifact.archive": "extract an archive, as SageMaker does",
    "artifact.contents": "read what an artifact's folder holds",
    "artifact.files": "which files are a model's",
    "artifact.requirements": "the packages that an artifact's code needs",
    "artifact.signature": "how images become a model's input",
    "memory": "what a process holds",
    "errors": "why an artifact or a request is refused",
    "trial.report": "what a trial says",
    "worker.engines.base": "a loaded model",
    "worker.engines.mxnet_engine": "load a checkpoint of MXNet",
    "worker.engines.mxnet_params": "a checkpoint's parameters by role",
    "worker.engines.onnx_engine": "load an ONNX model",
    "worker.engines.reasons": "an engine's message in one line",
    "worker.formats.decode": "request bodies to arrays",
    "worker.formats.tensors": "arrays by name",
}
