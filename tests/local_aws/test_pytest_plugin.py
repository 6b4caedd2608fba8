"""The plugin in another project, with pytest as its users run it."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:cacheprovider -p no:randomly -n 0")
    pytester.makeconftest('pytest_plugins = ["local_aws.pytest_plugin"]')
    return pytester


def test_a_project_uses_it(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\nlocal_aws_time_factor = 0.05\n")
    project.makepyfile("""
        import os
        import boto3

        def test_bucket(local_aws_environment):
            boto3.client("s3").create_bucket(Bucket="artifacts")

        def test_same_session(local_aws, local_aws_environment):
            assert [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]] == ["artifacts"]
            assert boto3.client("sagemaker").list_endpoints()["Endpoints"] == []
            assert local_aws.state()["time_factor"] == 0.05

        def test_other_tests_are_left_alone():
            assert "AWS_ENDPOINT_URL" not in os.environ
    """)
    project.runpytest_subprocess(timeout=120).assert_outcomes(passed=3)


def test_settings_can_be_overridden(project: pytest.Pytester) -> None:
    project.makeconftest("""
        import pytest
        pytest_plugins = ["local_aws.pytest_plugin"]

        @pytest.fixture(scope="session")
        def local_aws_settings():
            return {"provider": "none", "runtime": "process", "time_factor": 0.5}
    """)
    project.makepyfile("""
        def test_settings(local_aws):
            assert local_aws.settings.runtime == "process"
            assert local_aws.state()["time_factor"] == 0.5
    """)
    project.runpytest_subprocess(timeout=120).assert_outcomes(passed=1)


def test_python_without_the_packages_is_an_error_that_says_so(project: pytest.Pytester, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho \"No module named 'moto'\" >&2\nexit 1\n")
    python.chmod(0o755)
    project.makepyfile("def test_start(local_aws):\n    pass\n")
    result = project.runpytest_subprocess(f"--local-aws-python={python}", timeout=120)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*StartError: No module named 'moto'*"])
