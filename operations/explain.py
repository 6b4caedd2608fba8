"""What went wrong and what to do, from the words of Terraform's and AWS's errors.

One table: each row recognises an error, says what it means for this project and how to fix it. Terraform's own message
is always shown as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from operations.stack_name import split_stack_name
from operations.state_lock import StateLock

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
"""What switches a terminal's colours; OpenTofu writes it into pipes as well."""


@dataclass(frozen=True)
class Explanation:
    """What an error means, and what to do about it."""

    cause: str
    remedy: str

    def __str__(self) -> str:
        return f"What happened: {self.cause}\nWhat to do: {self.remedy}"


@dataclass(frozen=True)
class Rule:
    """Recognises one kind of error.

    Attributes:
        name: for tests and documentation.
        pattern: is searched in the error with all white space made single blanks: Terraform and OpenTofu break their
            lines, each in its own way, and say some things in words of their own.
        cause: what it means; `{1}` is the pattern's first group; `{environment}`, `{stack}`, `{folder}` tell where.
        remedy: what to do, with the same places to fill.
        environment: the only one that it is for; None for all.
    """

    name: str
    pattern: re.Pattern[str]
    cause: str
    remedy: str
    environment: str | None = None


def _rule(name: str, pattern: str, cause: str, remedy: str, environment: str | None = None) -> Rule:
    return Rule(name, re.compile(pattern), cause, remedy, environment)


_LOCK_NOT_RELEASED = "Error releasing the state lock"
_LOCK_STAYS = " The lock of the state may be left: the next command names it then, and how to remove it."

# The first that matches counts: what is more special comes first.
RULES = (
    _rule(
        "state not saved: the local AWS is gone",
        r"(?=.*(?:Failed to (?:save|persist) state|errored\.tfstate))"
        r".*dial tcp (?:127\.0\.0\.1|\[::1\]):\d+: connect: connection refused",
        "the local AWS ended during the command. Everything that it held is gone, the states included.",
        "start it again: make local. It deploys everything from the beginning. The file errored.tfstate in the folder "
        "{folder} describes resources that no longer exist: delete it, and do not push it.",
        environment="local",
    ),
    _rule(
        "state not saved",
        r"(?:Failed to (?:save|persist) state|errored\.tfstate)",
        "resources were changed, but the new state could not be written to S3. Terraform has left it in the file "
        "errored.tfstate in the folder {folder}.",
        "fix what the error names (credentials, network, lock). Then write the state: terraform -chdir={folder} state "
        "push errored.tfstate (first terraform -chdir={folder} force-unlock ID, if the lock is left as well). Or run "
        "make deploy ENV={environment}: it names the lock and the command that removes it, and takes over what this "
        "apply created; delete errored.tfstate afterwards.",
    ),
    _rule(
        "deletion protection",
        r"Instance cannot be destroyed|lifecycle\.prevent_destroy",
        "the plan destroys or replaces something that the environment's deletion protection is for.",
        'if that is on purpose, set "deletion_protection": false for {environment} in cdktf.json, plan again, and set '
        "it back afterwards. An endpoint whose creation failed must be replaced: this is the way as well.",
    ),
    _rule(
        "clock skew",
        r"RequestTimeTooSkewed|RequestInTheFuture|RequestExpired|Signature (?:expired|not yet current)|clock skew",
        "the clock of this machine differs from AWS's by more than AWS accepts (15 minutes for S3, 5 for other "
        "services).",
        "compare `date -u` with the real time, set the clock (`sudo timedatectl set-ntp true`; in a virtual machine"
        " or WSL restart it after a sleep), then try again.",
    ),
    _rule(
        "expired credentials",
        r"ExpiredToken(?:Exception)?\b|TokenRefreshRequired|security token included in the request is expired"
        r"|SSO (?:session|Token).{0,60}(?:expired|invalid)|refresh cached (?:SSO token|credentials)|token has expired",
        "the AWS credentials have expired.",
        "get new ones (`aws sso login`, or whatever gave you AWS_SESSION_TOKEN; in CI the role's session is too "
        "short), check them with `aws sts get-caller-identity`, then try again.",
    ),
    _rule(
        "wrong credentials",
        r"InvalidAccessKeyId|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch"
        r"|InvalidSignatureException|IncompleteSignature",
        "AWS does not know these credentials, or the secret key does not belong to the access key.",
        "see which are in use with `aws configure list` (variables AWS_* win over profiles), correct them, then try"
        " again.",
    ),
    _rule(
        "no credentials",
        r"No valid credential sources|Unable to locate credentials|NoCredentialProviders|failed to retrieve credentials"
        r"|The config profile \(.+\) could not be found|failed to get shared config profile",
        "there are no AWS credentials.",
        "log in (`aws sso login`), name a profile (`export AWS_PROFILE=...`) or set AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY; `aws sts get-caller-identity` shows who you are.",
    ),
    _rule(
        "wrong account",
        r"AWS account ID not allowed: (\d*)",
        "the credentials belong to the account {1}, which is not the one of {environment} in cdktf.json.",
        "use the credentials of the environment's account, or correct `account_id` in cdktf.json.",
    ),
    _rule(
        "wrong region",
        r'requested bucket from "([\w-]*)", actual location "([\w-]*)"',
        "the bucket of the state is in {2}, and the settings of {environment} say {1}.",
        "set `region` of {environment} in cdktf.json to {2}, or name another bucket with `state_bucket`.",
    ),
    _rule(
        "wrong region",
        r"PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraint"
        r"|must be addressed using the specified endpoint|region '[\w-]+' is wrong",
        "a bucket is in another region than the settings of {environment} say.",
        "see where it is with `aws s3api get-bucket-location --bucket NAME`, and correct `region` of {environment} "
        "in cdktf.json or name another bucket.",
    ),
    _rule(
        "name of a bucket taken",
        r"BucketAlreadyExists\b",
        "a bucket of this name exists already: the names of buckets are the same in all accounts of the world.",
        "if it is yours, its state is elsewhere (`state_backend` in cdktf.json, STATE_BACKEND), or it can be adopted: "
        "make adopt ENV={environment} STACK={stack}. If it is another's, choose another `name_prefix`, or name the "
        "bucket with `state_bucket` or `models_bucket`, in cdktf.json.",
    ),
    _rule(
        "update rolled back",
        r"unexpected state '(?:RollingBack|UpdateRollbackFailed)'",
        "SageMaker is rolling the endpoint's update back, or has failed to; the provider looked in that moment. The "
        "configuration of before serves.",
        "wait until the endpoint is InService, and read FailureReason (`aws sagemaker describe-endpoint`) and the log "
        "group /aws/sagemaker/Endpoints/NAME. Fix the cause, and deploy when the alarms are OK: an alarm that still "
        "rings rolls the next update back as well.",
    ),
    _rule(
        "update still under way",
        r"waiting for SageMaker.{0,30} Endpoint.{0,200}timeout while waiting",
        "the provider waits at most 60 minutes for an endpoint, and the update takes longer. SageMaker continues it.",
        "wait until the endpoint is InService, then deploy again. To shorten updates, raise "
        "`deployment.step_percent` or lower `deployment.wait_seconds`.",
    ),
    _rule(
        "quota",
        r"ResourceLimitExceeded.{0,80}?'([^']*)'|ResourceLimitExceeded",
        "the account's quota does not allow this ({1}). A new account's quota for an instance type is usually 0.",
        "request a higher quota for SageMaker in Service Quotas, or choose another `instance_type`. An update with a "
        "second fleet needs twice the instances; `deployment.policy` rolling needs fewer.",
    ),
    _rule(
        "repository not empty",
        r"RepositoryNotEmpty",
        "the repository still holds images, and ECR deletes only an empty one.",
        "delete the images, once no endpoint runs them: `aws ecr batch-delete-image`. Then try again.",
    ),
    _rule(
        "bucket not empty",
        r"BucketNotEmpty",
        "the bucket still holds objects or earlier versions of them, such as archived models.",
        "if nobody needs them, delete all versions and delete markers of the bucket, then try again.",
    ),
    _rule(
        "left over of a rollback",
        r"Cannot create already existing (model|endpoint configuration)",
        "it has the name of an existing {1}: one from before an update that failed, or one unknown to the state.",
        "after an update that failed, raise `revision` in cdktf.json: the same settings then get names of their own, "
        "and the next apply deletes the left-over. Else adopt it: make adopt ENV={environment} STACK={stack}.",
    ),
    _rule(
        "exists already",
        r"BucketAlreadyOwnedByYou|EntityAlreadyExists|RepositoryAlreadyExistsException|ResourceAlreadyExistsException"
        r"|Cannot create already existing",
        "something of this name is there already, and the state of {environment}-{stack} does not know it.",
        "if it is to be managed here, adopt it: make adopt ENV={environment} STACK={stack}. Else choose another "
        "`name_prefix` in cdktf.json.",
    ),
    _rule(
        "no such state bucket",
        r'S3 bucket(?: "[^"]*")? does not exist',
        "there is no bucket for the state of {environment} in this account ({0}).",
        "if {environment} is new: make bootstrap ENV={environment}. If it is not, `state_bucket`, `name_prefix`, "
        "`region` or `account_id` in cdktf.json name another bucket than before, or the credentials are those of "
        "another account.",
    ),
    _rule(
        "no such bucket",
        r"NoSuchBucket",
        "a bucket is not there.",
        "if {environment} is new: make bootstrap ENV={environment}, then deploy its stacks in order. If it is not, "
        "compare the names in cdktf.json with those in the account.",
    ),
    _rule(
        "missing rights",
        r"not authorized to perform: ([\w:*-]+)",
        "the credentials lack the right {1}.",
        "let somebody give it to the role that you use (`aws sts get-caller-identity` shows which), or use another;"
        " docs/state.md lists what the state needs.",
    ),
    _rule(
        "missing rights",
        r"AccessDenied(?:Exception)?\b|UnauthorizedOperation|StatusCode: 403|\(403\)|\bForbidden\b",
        "AWS denies the access: the credentials lack a right, or the bucket or key belongs to another account.",
        "see who you are with `aws sts get-caller-identity`, and compare with `account_id` in cdktf.json; "
        "docs/state.md lists the rights that the state needs.",
    ),
    _rule(
        "state of a newer Terraform",
        r"state file uses format version|created by a newer version|state snapshot was created by Terraform v?([\d.]+)",
        "a newer Terraform has written the state of {environment}-{stack}.",
        "install the Terraform that the others use (`terraform version`).",
    ),
    _rule(
        "corrupt state",
        r'state file could not be parsed|[Uu]nsupported state file|does not have a "version" attribute'
        r"|state file.{0,40}not a? ?valid|state data in S3 does not have the expected content",
        "the state of {environment}-{stack} in S3 is damaged.",
        "every earlier version is kept: make state-history ENV={environment} STACK={stack} lists them; with "
        "VERSION=... it shows the difference, with CONFIRM=yes as well it restores that version.",
    ),
    _rule(
        "unrelated state",
        r"cannot import state with lineage|cannot overwrite existing state with serial",
        "the state in S3 is another one, or newer than the one to be written.",
        "see what is there: make state-history ENV={environment} STACK={stack}.",
    ),
    _rule(
        "stale plan",
        r"Saved plan is stale",
        "the state has changed since the plan was made.",
        "plan again, and review that plan.",
    ),
    _rule(
        "nothing to import",
        r"Cannot import non-existent remote object",
        "an import block names something that is not there.",
        "if {folder}/adopt.tf.json is left behind by an interrupted `make adopt`, remove it; else correct the "
        "import id.",
    ),
    _rule(
        "backend not initialised",
        r"Backend (?:configuration changed|initialization required)|Required plugins are not installed"
        r"|Inconsistent dependency lock file",
        "the folder {folder} was initialised for another backend or provider.",
        "terraform -chdir={folder} init -reconfigure.",
    ),
    _rule(
        "provider not installable",
        r"Failed to query available provider packages|Could not retrieve the list of available versions"
        r"|Failed to install provider",
        "Terraform cannot get the AWS provider: its registry, or the mirror that Terraform's CLI configuration names, "
        "is out of reach or does not have that version.",
        "check network, proxy (HTTPS_PROXY) and the CLI configuration (TF_CLI_CONFIG_FILE, ~/.terraformrc); the local "
        "AWS does without: LOCAL_AWS_PROVIDER=stand-in.",
    ),
    _rule(
        "name below the local AWS's address",
        r"lookup ([\w.-]*\.(?:127\.0\.0\.1|localhost))\b",
        "the AWS SDK has put a name before the local AWS's address, and {1} is no host that this machine finds. The "
        "local AWS runs; the request did not go through the proxy that the stacks' provider block names.",
        "synthesise again (the block has http_proxy, https_proxy and no_proxy); in a configuration of your own, set "
        "these three as cdktf.out/stacks/local-state/cdk.tf.json has them.",
    ),
    _rule(
        "name not found",
        r"lookup [\w.-]+[^:]*(?::\d+)?: (?:no such host|server misbehaving|Temporary failure in name resolution)"
        r"|no such host|Could not resolve host|Name or service not known",
        "a host of this name was not found ({0}).",
        "check the network and the name server. A host of AWS that should exist: check `region` in cdktf.json, and "
        "whether a proxy is needed (HTTPS_PROXY). A host of yours: check AWS_ENDPOINT_URL and the like.",
    ),
    _rule(
        "local AWS not running",
        r"(?:dial tcp|endpoint URL:|the local AWS at)[ \"]*(?:https?://)?((?:127\.0\.0\.1|\[::1\]|localhost):\d+)",
        "nothing listens on {1} of this machine.",
        "for environment local start the local AWS: make local. For any other, unset what leads there "
        "(AWS_ENDPOINT_URL, HTTPS_PROXY).",
    ),
    _rule(
        "out of reach",
        r"connection refused|network is unreachable|i/o timeout|TLS handshake|Could not connect to the endpoint",
        "nothing answers there.",
        "check network, proxy (HTTPS_PROXY) and `region` in cdktf.json.",
    ),
)


def explain(
    error: str, now: datetime, stack: str = "ENV-STACK", folder: str = "cdktf.out/stacks/ENV-STACK"
) -> Explanation | None:
    """The explanation of an error's text, or None when no rule knows it.

    Args:
        error: what Terraform, boto3 or cdktf said.
        now: for the age of a lock.
        stack: where it happened, e.g. `dev-models`.
        folder: that stack's folder.
    """
    lock = StateLock.find(error)
    if lock is not None:
        return Explanation(lock.describe(now), lock.advice(now, lock.stack or stack))
    text = " ".join(re.sub(f"{COLOUR.pattern}|[│╷╵]", " ", error).split())
    environment, name = split_stack_name(stack)
    for rule in RULES:
        if rule.environment not in (None, environment):
            continue
        match = rule.pattern.search(text)
        if match is not None:
            groups = (match[0], *(group or "" for group in match.groups()))
            places = {"environment": environment, "stack": name, "folder": folder}
            cause, remedy = rule.cause.format(*groups, **places), rule.remedy.format(*groups, **places)
            return Explanation(cause, remedy + (_LOCK_STAYS if _LOCK_NOT_RELEASED in text else ""))
    return None
