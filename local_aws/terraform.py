"""Which AWS provider Terraform gets: HashiCorp's where it can be installed, else the stand-in.

`terraform init` is tried once in a folder of its own and its answer kept in DIRECTORY/provider.json, as long as
Terraform's configuration stays the same (remove that file to try again, once a registry is back). A registry out of
reach makes it fail after seconds; the time limit is for downloads that go on.
"""

import json
import logging
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

from .access_key import AccessKey
from .cli_configuration import configuration_file, fingerprint, own_configuration, without_own_configuration
from .directory import Directory
from .environment import PROXIES, terraform_environment
from .errors import ProviderUnavailableError
from .settings import ProviderChoice

logger = logging.getLogger(__name__)

PROVIDER_VERSION = "6.25.0"
"""The version of hashicorp/aws that the bindings in the Pipfile (cdktf-cdktf-provider-aws 21.22.1) are made for."""

_PROBE = f"""terraform {{
  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = "{PROVIDER_VERSION}"
    }}
  }}
}}
"""
_PROBE_TIMEOUT_SECONDS = 180.0

ProviderName = Literal["hashicorp", "stand-in", "none"]


class StandIn(Protocol):
    """The stand-in provider's server."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def environment(self) -> dict[str, str]: ...


class TerraformProvider:
    """Decides in the background, so that the AWS services do not wait for a registry."""

    def __init__(
        self,
        choice: ProviderChoice,
        directory: Directory,
        url: str,
        key: AccessKey,
        *,
        outer: Mapping[str, str],
        watch_folder: Callable[[Path], None],
    ) -> None:
        """`outer`: the environment that the user's Terraform (or TERRAFORM_BINARY_NAME) runs in, with the proxies
        that lead to its registry. `watch_folder` gets folders to be removed if the local AWS is killed.
        """
        self._choice = choice
        self._folder = directory.root / "stand-in"
        self._memory = directory.root / "provider.json"
        self._run = directory.run
        self._url = url
        self._watch_folder = watch_folder
        self._key = key
        # This may run in a shell that has the variables of another local AWS, or of the one before.
        self._outer = without_own_configuration(outer)
        self._binary = self._outer.get("TERRAFORM_BINARY_NAME", "terraform")
        self._decided = threading.Event()
        self._provider: ProviderName = "none"
        self._stand_in: StandIn | None = None
        self._error: str | None = None
        self._reason = "was not asked for"
        self._probe: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._decide, name="terraform-provider", daemon=True)
        self._stopping = False

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        if self._probe is not None and self._probe.poll() is None:
            self._probe.kill()
        self._thread.join()
        if self._stand_in is not None:
            self._stand_in.stop()

    def status(self) -> dict[str, object]:
        """`provider` (null until it is decided), `environment` for Terraform, `error` where there is no provider."""
        if not self._decided.is_set():
            return {"provider": None, "environment": {}, "error": None}
        return {"provider": self._provider, "environment": self._environment(), "error": self._error}

    @property
    def _own_configuration(self) -> Path:
        """Terraform's configuration with the stand-in in it. It stays, so that a Terraform that runs with it later
        learns from the shim that the local AWS has ended.
        """
        return self._folder / "terraform.rc"

    def _decide(self) -> None:
        try:
            self._provider = self._choose()
            if self._provider == "stand-in" and not self._stopping:
                self._serve_stand_in()
        except ProviderUnavailableError as error:
            self._error = str(error)
            logger.error("%s", error)
        except Exception as error:  # shown by status(); the AWS services run on
            self._error = f"The stand-in provider did not start: {error}"
            logger.exception("the stand-in provider did not start")
        finally:
            self._decided.set()

    def _choose(self) -> ProviderName:
        if self._choice in ("none", "stand-in"):
            return self._choice
        problem = self._why_not_installable()
        if problem is None:
            return "hashicorp"
        self._reason = f"cannot be installed here ({problem})"
        if self._choice == "hashicorp":
            raise ProviderUnavailableError(f"hashicorp/aws {PROVIDER_VERSION} cannot be installed: {problem}")
        return "stand-in"

    def _why_not_installable(self) -> str | None:
        """None where Terraform can install hashicorp/aws, else the first line of its complaint."""
        question = {
            "version": PROVIDER_VERSION,
            "binary": self._binary,
            "configuration": fingerprint(self._outer),
        }
        try:
            known = json.loads(self._memory.read_text())
            if {name: known[name] for name in question} == question:
                return known["problem"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass
        if shutil.which(self._binary, path=self._outer.get("PATH")) is None:
            return f"{self._binary} is not on PATH"
        problem = self._try_init()
        if not self._stopping:
            self._memory.write_text(json.dumps({**question, "problem": problem}, indent=1) + "\n")
        return problem

    def _try_init(self) -> str | None:
        logger.info("looking for hashicorp/aws %s (terraform init, once)", PROVIDER_VERSION)
        with tempfile.TemporaryDirectory(prefix="terraform-probe-") as folder:
            (Path(folder) / "main.tf").write_text(_PROBE)
            environment = {**self._outer, **self._environment(), "TF_IN_AUTOMATION": "1"}
            environment.pop("TF_REATTACH_PROVIDERS", None)
            self._probe = subprocess.Popen(
                [self._binary, "init", "-backend=false", "-input=false", "-no-color"],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            try:
                output, _ = self._probe.communicate(timeout=_PROBE_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                self._probe.kill()
                self._probe.communicate()
                return f"terraform init did not end within {_PROBE_TIMEOUT_SECONDS:g} s"
            if self._probe.returncode == 0:
                return None
        lines = [line.strip(" │╷╵") for line in output.splitlines()]
        errors = [line for line in lines if line.startswith("Error:")]
        return errors[0].removeprefix("Error: ") if errors else "terraform init failed"

    def _serve_stand_in(self) -> None:
        # gRPC and the schemas load only where needed.
        from .provider.mirror import write_mirror  # noqa: PLC0415
        from .provider.server import ProviderServer  # noqa: PLC0415

        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_mirror(self._folder / "mirror", PROVIDER_VERSION)
        # What the user's configuration holds of tokens is in it.
        self._own_configuration.unlink(missing_ok=True)
        self._own_configuration.touch(0o600)
        self._own_configuration.write_text(own_configuration(self._outer, self._folder / "mirror"))
        server = ProviderServer(self._url, self._key)
        self._watch_folder(server.folder)
        server.start()
        self._stand_in = server
        logger.warning(
            "TERRAFORM USES THE STAND-IN PROVIDER of the local AWS: hashicorp/aws %s %s.",
            PROVIDER_VERSION,
            self._reason,
        )

    def _environment(self) -> dict[str, str]:
        """For every Terraform that uses the local AWS, beside what leads to AWS's services."""
        proxies = {name: value for name, value in self._outer.items() if name.lower() in PROXIES}
        if self._stand_in is not None:
            return {
                **terraform_environment(cli_config=self._own_configuration),
                # An empty one is none: the stand-in must not get into the user's cache as the real provider.
                "TF_PLUGIN_CACHE_DIR": "",
                **self._stand_in.environment(),
                **proxies,
            }
        own_config = None
        given = configuration_file(self._outer)
        if given is None and "TF_CLI_CONFIG_FILE" in self._outer:
            # Terraform would warn on every call that the file is not there.
            own_config = self._run / "terraform.rc"
            if not own_config.exists():
                own_config.write_text("disable_checkpoint = true\n")
        environment = terraform_environment(cli_config=given or own_config)
        # Programs that isolate themselves have no proxies, and Terraform may need them for its registry.
        return environment | proxies
