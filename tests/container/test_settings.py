import os

import pytest

from container.model_server.memory import core_count
from container.model_server.settings import Settings, SettingsError, read_settings


def test_defaults_come_from_the_machine() -> None:
    settings = read_settings({})
    assert (settings.host, settings.port) == ("0.0.0.0", 8080)
    assert settings.workers == core_count()
    assert settings.engine_threads == 1
    assert settings.max_request_bytes == 6_291_456
    assert 0 < settings.memory_bytes < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize(("folder", "parent"), [("/scratch", "/scratch"), ("", "/var/tmp"), ("relative", "/var/tmp")])
def test_optimised_forms_are_kept_where_temporary_files_are(folder: str, parent: str) -> None:
    assert read_settings({"TMPDIR": folder}).forms_folder == f"{parent}/model-server-{os.geteuid()}"
    assert read_settings({"TMPDIR": folder, "MODEL_SERVER_OPTIMISED_FOLDER": "/forms"}).forms_folder == "/forms"


def test_sagemakers_variables_are_read() -> None:
    settings = read_settings(
        {
            "SAGEMAKER_BIND_TO_PORT": "1234",
            "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
            "SAGEMAKER_MODEL_SERVER_TIMEOUT": "20",
            "SAGEMAKER_MAX_REQUEST_SIZE": "100",
            "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv",
            "SAGEMAKER_PROGRAM": "serve_model.py",
            "SAGEMAKER_CONTAINER_LOG_LEVEL": "10",
            "SAGEMAKER_MULTI_MODEL": "true",
            "SAGEMAKER_SAFE_PORT_RANGE": "21000-21999",
        }
    )
    assert (settings.port, settings.model_workers, settings.invoke_seconds) == (1234, 1, 20)
    assert settings.workers == settings.model_workers * core_count()
    assert (settings.max_request_bytes, settings.default_accept) == (100, "text/csv")
    assert (settings.program, settings.log_level) == ("serve_model.py", 10)


def test_own_variables_win_and_empty_ones_count_as_unset() -> None:
    environment = {
        "MODEL_SERVER_MODEL_WORKERS": "3",
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        "SAGEMAKER_BIND_TO_PORT": "",
    }
    settings = read_settings(environment)
    assert (settings.model_workers, settings.port) == (3, 8080)


def test_every_complaint_comes_at_once_and_names_the_variable() -> None:
    environment = {
        "SAGEMAKER_BIND_TO_PORT": "99999",
        "MODEL_SERVER_WORKERS": "none",
        "MODEL_SERVER_MEMORY_MIB": "1",
        "SAGEMAKER_PROGRAM": "../evil.py",
        "MODEL_SERVER_WORKRES": "2",
    }
    with pytest.raises(SettingsError) as caught:
        read_settings(environment)
    lines = str(caught.value).splitlines()
    assert {line.split(":")[0] for line in lines} == set(environment)
    assert len(lines) == 5


def test_settings_cannot_be_changed() -> None:
    settings = read_settings({})
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
