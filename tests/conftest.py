"""What holds for all tests: how they are spread over processes, and what runs endpoints."""

import functools
import os
from typing import Any

import botocore.loaders
import botocore.session
import pytest
from xdist.scheduler import LoadScopeScheduling


class OneEngine(LoadScopeScheduling):
    """Tests one by one to whichever process is free; those that share the container engine, all to the same one."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/docker" if nodeid.startswith("tests/docker/") else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneEngine:
    # xdist's own --dist loadgroup is without effect under pytest 9.
    return OneEngine(config, log)


SLOW = (
    "tests/docker/",
    "tests/end_to_end/",
    "tests/benchmarks/test_endurance.py",
    "tests/benchmarks/test_reliability.py",
    "tests/github/test_steps.py",
    "tests/local_aws/provider/test_parity.py",
    "tests/local_aws/sdks/",
    "tests/local_aws/updates/",
    "tests/way_out/test_cdk_terrain.py::test_cdk_terrain_synthesises_the_same_json",
    "tests/way_out/test_hcl.py::test_hcl_is_valid_and_plans_the_same",
    # Each of these takes 8 to 50 seconds. Quicker tests of the same file or folder cover the same code.
    "tests/benchmarks/test_scale.py::test_a_size_is_measured_with_real_terraform",
    "tests/container/test_bad_models.py::test_a_guess_refuses_nothing_beside_other_models",
    "tests/container/test_bad_models.py::test_a_model_larger_than_it_looks_or_smaller",
    "tests/container/test_bad_models.py::test_a_model_that_hangs_when_it_is_loaded_again_takes_nobody_along",
    "tests/container/test_bad_models.py::test_a_small_file_that_asks_for_gigabytes_is_ended_in_time",
    "tests/container/test_bad_models.py::test_descriptors_running_out_is_said_and_unloading_helps",
    "tests/container/test_bad_models.py::test_memory_that_grows_between_loads_is_seen",
    "tests/container/test_bad_models.py::test_what_a_model_leaked_is_given_back_with_it",
    "tests/container/test_memory_budget.py::test_a_load_beyond_the_budget_is_507_and_unloading_helps",
    "tests/container/test_workers.py::test_a_request_that_runs_too_long_is_ended_with_its_worker",
    "tests/local_aws/persistence/test_restart.py::test_a_kill_loses_at_most_what_came_since_it_was_saved",
    "tests/local_aws/persistence/test_restart.py::test_a_reset_empties_what_is_saved",
    "tests/local_aws/persistence/test_restart.py::test_an_endpoint_that_does_not_run_again_says_why",
    "tests/local_aws/persistence/test_restart.py::test_files_are_private_and_go_with_what_they_held",
    "tests/local_aws/persistence/test_restart.py::test_quotas_that_were_raised",
    "tests/local_aws/persistence/test_restart.py::test_what_was_under_way_goes_on_or_comes_to_nothing",
    "tests/local_aws/persistence/test_restart.py::test_without_the_option_the_saved_account_stays_as_it_is",
    "tests/local_aws/provider/test_lifecycle.py::test_a_whole_life",
    "tests/local_aws/replay/test_replay.py::test_answers_are_those_that_the_provider_accepted[main]",
    "tests/local_aws/replay/test_replay.py::test_answers_are_those_that_the_provider_accepted[scaling]",
    "tests/local_aws/test_process.py::test_a_shell_with_stale_variables_hears_that_the_local_aws_has_ended[9]",
    "tests/local_aws/test_process.py::test_the_start_after_a_kill_says_what_it_found",
    "tests/local_aws/test_pytest_plugin.py::test_settings_can_be_overridden",
    "tests/operations/test_adoption.py::test_an_endpoint_is_adopted_and_goes_over_to_the_declared_configuration_in_place",
    "tests/operations/test_adoption.py::test_list_show_mv_rm_and_import_work_on_every_stack[models]",
    "tests/operations/test_adoption.py::test_list_show_mv_rm_and_import_work_on_every_stack[state]",
    "tests/operations/test_bootstrap.py::test_killed_before_every_step_it_continues_and_repeats_without_a_change",
    "tests/operations/test_deploy.py::test_an_acceptance_counts_once_the_base_branch_has_it",
    "tests/operations/test_deploy.py::test_what_follows_a_deployment_is_called_for_an_endpoint_only",
    "tests/operations/test_recovery.py::test_a_change_that_was_rolled_back_can_be_reverted",
    "tests/operations/test_recovery.py::test_a_killed_update_is_taken_over_and_what_it_replaced_goes",
    "tests/operations/test_recovery.py::test_what_is_not_the_environments_own_is_left_alone",
    "tests/stacks/test_application.py::test_the_order_is_that_of_make_deploy[100]",
)
"""More than half of the time: whole deployments, container engines, updates of endpoints, a few long tests.
`make test` leaves them to `make test-all` and to continuous integration."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(SLOW):
            item.add_marker(pytest.mark.slow)


def pytest_configure() -> None:
    # Every session of botocore reads and parses the services' descriptions again: that of EC2 takes half a second.
    botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)
    # An engine that happens to run on the machine must not make the tests of everything else slower and different.
    os.environ.setdefault("LOCAL_AWS_RUNTIME", "process")
