"""The state stack: the bucket that holds Terraform's state of all stacks of the environment."""

from stacks.aws_bindings import App, TerraformOutput
from stacks.environment_stack import EnvironmentStack
from stacks.names import Names
from stacks.project import Project


class StateStack(EnvironmentStack):
    """Creates the state bucket. It cannot keep its state there before, so it begins with a local file."""

    def __init__(self, app: App, names: Names, project: Project) -> None:
        super().__init__(app, "state", names, project)
        # Old versions of a state are its backup: they stay.
        bucket, _ = self.private_bucket("state_bucket", names.state_bucket)
        TerraformOutput(self, "bucket", value=bucket.bucket, description="The bucket of Terraform's state.")
