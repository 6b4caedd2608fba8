# Sourced by the Makefile, or by hand (. operations/environment.sh): puts the project's own tools first on PATH and keeps the
# tools quiet and unattended. No secrets and no settings of a deployment belong here.
PATH="$PWD/bin:$PWD/.venv/bin:$PWD/node_modules/.bin:$PATH"
CHECKPOINT_DISABLE=1
PYTHONDONTWRITEBYTECODE=1
ORT_DISABLE_TELEMETRY=1
export PATH CHECKPOINT_DISABLE PYTHONDONTWRITEBYTECODE ORT_DISABLE_TELEMETRY
# Terraform warns on every call when this names a file that is not there.
if [ -n "${TF_CLI_CONFIG_FILE:-}" ] && [ ! -e "$TF_CLI_CONFIG_FILE" ]; then unset TF_CLI_CONFIG_FILE; fi
