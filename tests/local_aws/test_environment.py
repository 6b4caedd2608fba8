from local_aws.access_key import AccessKey
from local_aws.environment import aws_environment, isolate

URL = "http://127.0.0.1:4566"
KEY = AccessKey.generate()


def test_isolated_process_knows_nothing_of_the_machines_account() -> None:
    machine = {
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "secret",
        "AWS_ENDPOINT_URL_S3": "https://s3.example",
        "AWS_CA_BUNDLE": "/bundle",
        "HTTPS_PROXY": "http://proxy",
        "http_proxy": "http://proxy",
        "HOME": "/home/me",
    }
    isolate(machine, URL, KEY)
    assert machine == {"HOME": "/home/me", **aws_environment(URL, KEY)}
    assert machine["AWS_ENDPOINT_URL"] == URL
    assert machine["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"


def test_hosts_that_need_no_proxy_stay_so() -> None:
    for name in ("NO_PROXY", "no_proxy"):
        environment = aws_environment(URL, KEY, {name: "mirror.example"})
        assert environment["NO_PROXY"] == environment["no_proxy"] == "127.0.0.1,localhost,mirror.example"
