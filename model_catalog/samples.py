"""Real inputs that a conversion is checked on."""

from collections.abc import Iterable
from pathlib import Path

from container.model_server.worker.formats.decode import CSV, JSON, JSON_LINES, NPY

_CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".npy": NPY,
    ".json": JSON,
    ".jsonl": JSON_LINES,
    ".csv": CSV,
}


def content_type_of(sample: Path) -> str:
    """What a caller would say of a sample's content."""
    return _CONTENT_TYPES[sample.suffix.lower()]


def sample_files(samples: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """The files among samples, those of folders included, and what is wrong with the others."""
    files: list[Path] = []
    complaints: list[str] = []
    for path in samples:
        if path.is_dir():
            found = [file for file in sorted(path.iterdir()) if file.suffix.lower() in _CONTENT_TYPES]
            if not found:
                complaints.append(f"{path} holds no samples, files of {', '.join(_CONTENT_TYPES)}.")
            files += found
        elif not path.is_file():
            complaints.append(f"sample {path}: there is no such file or folder.")
        elif path.suffix.lower() not in _CONTENT_TYPES:
            complaints.append(f"sample {path} is not one of {', '.join(_CONTENT_TYPES)}.")
        else:
            files.append(path)
    if not files and not complaints:
        complaints.append("a conversion to ONNX is checked on real inputs: give at least one sample.")
    return files, complaints
