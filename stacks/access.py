"""The access stack: the roles that continuous integration plans and deploys with."""

from typing import Literal

from stacks import policies
from stacks.access_rights import AccessRights
from stacks.aws_bindings import (
    App,
    IamOpenidConnectProvider,
    IamPolicy,
    IamRole,
    IamRolePolicy,
    IamRolePolicyAttachment,
    TerraformOutput,
)
from stacks.environment_stack import EnvironmentStack
from stacks.names import Names
from stacks.project import Project
from stacks.settings import Access

_GITHUB = "token.actions.githubusercontent.com"
_GITHUB_AUDIENCE = "sts.amazonaws.com"
_Purpose = Literal["plan", "deploy"]
# An endpoint update may take an hour a stack, and a deployment applies one stack after another.
_SESSION_SECONDS = {"plan": 3600, "deploy": 4 * 3600}


class AccessStack(EnvironmentStack):
    """A role that may plan and one that may deploy. An administrator deploys this stack: neither role may change it."""

    def __init__(self, app: App, names: Names, project: Project, access: Access, rights: AccessRights) -> None:
        super().__init__(app, "access", names, project)
        self._access = access
        self._issuer, self._audience = _GITHUB, _GITHUB_AUDIENCE
        if access.gitlab is not None:
            self._issuer, self._audience = access.gitlab.host, f"https://{access.gitlab.host}"
        self._provider_arn = self._identity_provider()
        # A policy of its own: as part of the deploy role's, both would be longer than IAM allows.
        reads = IamPolicy(
            self,
            "plan_rights",
            name=names.access_role("plan"),
            path=self.settings.iam_path,
            description=f"Lets continuous integration plan the environment {names.environment}.",
            policy=rights.plan(),
        )
        self._add_role("plan", reads)
        deploy_role = self._add_role("deploy", reads)
        IamRolePolicy(self, "deploy_rights", name="deploy", role=deploy_role.name, policy=rights.deploy())

    def _identity_provider(self) -> str:
        if self._access.identity_provider_arn is not None:
            return self._access.identity_provider_arn
        IamOpenidConnectProvider(
            self, "identity_provider", url=f"https://{self._issuer}", client_id_list=[self._audience]
        )
        # By its name, not by a reference: a plan then shows whom the roles trust.
        return self.names.iam_arn(f"oidc-provider/{self._issuer}")

    def _add_role(self, purpose: _Purpose, reads: IamPolicy) -> IamRole:
        role = IamRole(
            self,
            f"{purpose}_role",
            name=self.names.access_role(purpose),
            path=self.settings.iam_path,
            description=f"Lets continuous integration {purpose} the environment {self.names.environment}.",
            assume_role_policy=self._trust(purpose),
            max_session_duration=_SESSION_SECONDS[purpose],
            permissions_boundary=self.settings.permissions_boundary_arn,
        )
        IamRolePolicyAttachment(self, f"{purpose}_role_reads", role=role.name, policy_arn=reads.arn)
        TerraformOutput(
            self, f"{purpose}_role_arn", value=role.arn, description=f"The role of the jobs that {purpose}."
        )
        return role

    def _trust(self, purpose: _Purpose) -> str:
        return policies.trust_web_identity(self._provider_arn, self._issuer, self._audience, self._subject(purpose))

    def _subject(self, purpose: _Purpose) -> str:
        """The subject that the server writes into the tokens of the jobs that plan or deploy this environment."""
        github, gitlab = self._access.github, self._access.gitlab
        if github is not None:
            place = self.names.environment if purpose == "deploy" else f"{self.names.environment}-plan"
            return f"repo:{github.repository}:environment:{place}"
        assert gitlab is not None  # the settings have one of the two
        branch = gitlab.branch if purpose == "deploy" else "*"
        return f"project_path:{gitlab.project}:ref_type:branch:ref:{branch}"
