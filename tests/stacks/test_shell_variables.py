import pytest

from stacks.shell_variables import neutralised, refused

MISLEADING = {
    "TF_CLI_ARGS": "-lock=false",
    "TF_CLI_ARGS_plan": "-target=aws_s3_bucket.models_bucket",
    "TF_DATA_DIR": "/tmp/terraform",
    "TF_WORKSPACE": "blue",
}
HARMLESS = {
    "TF_CLI_CONFIG_FILE": "/etc/terraformrc",
    "TF_IN_AUTOMATION": "1",
    "TF_LOG": "debug",
    "TF_PLUGIN_CACHE_DIR": "/var/cache/terraform",
    "TF_VAR_region": "us-east-1",
    "PATH": "/bin",
}


def test_each_is_refused_with_its_value_and_the_way_out():
    complaints = refused({**HARMLESS, **MISLEADING})
    assert [complaint.partition(" ")[0] for complaint in complaints] == list(MISLEADING)
    assert complaints[-1] == (
        'TF_WORKSPACE is set in the shell, to "blue": Terraform would work on the states of that workspace, which are '
        "not those of the stacks. Try again after: unset TF_WORKSPACE"
    )


def test_what_misleads_nobody_is_left_alone():
    # Terraform takes an empty variable for none; Atlantis sets the workspace that everybody is in.
    environ = {**HARMLESS, **dict.fromkeys(MISLEADING, "")} | {"TF_WORKSPACE": "default"}
    before = dict(environ)
    assert (refused(environ), neutralised(environ), environ) == ([], [], before)


@pytest.mark.parametrize("name", MISLEADING)
def test_each_is_taken_out_and_told(name):
    environ = {**HARMLESS, name: MISLEADING[name]}
    (line,) = neutralised(environ)
    assert line.startswith(f'{name} is set in the shell, to "{MISLEADING[name]}" and ignored here: Terraform would ')
    assert environ == HARMLESS
