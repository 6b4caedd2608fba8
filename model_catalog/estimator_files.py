"""Which files are saved estimators, of scikit-learn, XGBoost or LightGBM: they are converted before they are added."""

from pathlib import Path

SUFFIXES = (".pkl", ".pickle", ".joblib")


def is_estimator(path: Path) -> bool:
    """Whether a file is a saved estimator, by its name."""
    return path.suffix.lower() in SUFFIXES and path.is_file()
