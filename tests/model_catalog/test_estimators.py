"""Estimators become ONNX that answers the same. Their packages are no part of this project: where one is not installed,
its tests are skipped."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from model_catalog.catalog import Catalog
from model_catalog.check import Check
from model_catalog.errors import CatalogError
from model_catalog.estimators import convert_estimator
from tests.container.served import load, outputs

ROWS = np.random.RandomState(0).rand(60, 4).astype(np.float32)
CLASSES = (ROWS[:, 0] > ROWS[:, 1]).astype(int)


def sklearn(name: str, module: str):
    def fitted():
        package = pytest.importorskip(f"sklearn.{module}")
        pytest.importorskip("skl2onnx")
        return getattr(package, name)().fit(ROWS, CLASSES)

    return fitted


def lightgbm(name: str):
    def fitted():
        package = pytest.importorskip("lightgbm")
        pytest.importorskip("onnxmltools")
        return getattr(package, name)(n_estimators=5, verbose=-1).fit(ROWS, CLASSES)

    return fitted


def xgboost(name: str):
    def fitted():
        package = pytest.importorskip("xgboost")
        pytest.importorskip("onnxmltools")
        return getattr(package, name)(n_estimators=5).fit(ROWS, CLASSES)

    return fitted


ESTIMATORS = {
    "logistic regression": sklearn("LogisticRegression", "linear_model"),
    "linear regression": sklearn("LinearRegression", "linear_model"),
    "random forest": sklearn("RandomForestClassifier", "ensemble"),
    "LightGBM, classes": lightgbm("LGBMClassifier"),
    "LightGBM, regression": lightgbm("LGBMRegressor"),
    "XGBoost, classes": xgboost("XGBClassifier"),
    "XGBoost, regression": xgboost("XGBRegressor"),
}


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    np.savetxt(path, ROWS[:20], delimiter=",", fmt="%.9g")
    return path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_becomes_onnx_that_answers_the_same(name: str, tmp_path: Path, sample: Path) -> None:
    estimator = ESTIMATORS[name]()
    path = tmp_path / "estimator.pkl"
    path.write_bytes(pickle.dumps(estimator))
    catalog = Catalog(tmp_path / "catalog")

    def convert(source: Path, destination: Path):
        return convert_estimator(source, destination, [sample])

    version = catalog.add("net", path, convert=convert, check=Check()).version
    assert version.engine == "onnxruntime"
    assert version.conversion is not None and version.conversion.largest_difference <= 1e-5
    convert_estimator(path, tmp_path / "served", [sample])
    answer = outputs(load(tmp_path / "served"), ROWS[20:25].tolist())
    predictions = next(iter(answer.values())) if isinstance(answer, dict) else answer
    np.testing.assert_allclose(np.ravel(predictions), estimator.predict(ROWS[20:25]), rtol=1e-4, atol=1e-5)


def test_what_is_no_estimator_is_refused(tmp_path: Path, sample: Path) -> None:
    pytest.importorskip("joblib")
    path = tmp_path / "number.pkl"
    path.write_bytes(pickle.dumps(3))
    with pytest.raises(CatalogError, match="a int is no estimator of sklearn, xgboost, lightgbm"):
        convert_estimator(path, tmp_path / "out", [sample])
    path.write_bytes(b"nonsense")
    with pytest.raises(CatalogError, match=r"number\.pkl cannot be read"):
        convert_estimator(path, tmp_path / "out", [sample])
    with pytest.raises(CatalogError, match="give at least one sample"):
        convert_estimator(path, tmp_path / "out", [])


def test_an_estimator_without_a_conversion_says_how_to_add_it(tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes(b"x")
    with pytest.raises(CatalogError, match="an estimator is added as ONNX: give --to-onnx and --samples"):
        Catalog(tmp_path / "catalog").add("net", tmp_path / "model.joblib")


def test_a_package_that_is_missing_is_named(tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joblib", None)
    (tmp_path / "model.pkl").write_bytes(b"x")
    with pytest.raises(CatalogError, match="joblib is needed to convert this estimator, and is not installed here"):
        convert_estimator(tmp_path / "model.pkl", tmp_path / "out", [sample])
