#!/bin/sh
# Says in one line each what is missing before anything is installed. Usage: check-tools.sh PYTHON
# Terraform 1.11 is the first release whose S3 backend has the native lock (use_lockfile) without a warning.
python=$1
missing=0

complain() {
    echo "missing: $1" >&2
    missing=1
}

at_least() { # at_least FOUND WANTED: compares dotted versions
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

if ! command -v "$python" >/dev/null 2>&1; then
    complain "Python 3.11 ($python is not on PATH): install it from python.org or your package manager, or name one: make PYTHON=/path/to/python3.11"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
    complain "Python 3.11 (found: $("$python" -V 2>&1 | head -n 1)): MXNet 1.9.1 and the locked packages are for 3.11; name one: make PYTHON=/path/to/python3.11"
elif ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    complain "Python's venv module: on Debian and Ubuntu, apt-get install python3.11-venv"
fi

binary=${TERRAFORM_BINARY_NAME:-terraform}
if ! command -v "$binary" >/dev/null 2>&1; then
    complain "Terraform 1.11 or newer ($binary is not on PATH): https://developer.hashicorp.com/terraform/install"
else
    version=$(TF_CLI_CONFIG_FILE=/dev/null CHECKPOINT_DISABLE=1 "$binary" version 2>/dev/null | sed -n 's/^[A-Za-z]* v\([0-9.]*\).*/\1/p' | head -n 1)
    case "$binary" in
        *tofu*) wanted=1.10.0 ;;
        *) wanted=1.11.0 ;;
    esac
    at_least "${version:-0}" "$wanted" || complain "$binary $wanted or newer (found ${version:-none}): https://developer.hashicorp.com/terraform/install"
fi

if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
    complain "Node.js 20 or newer with npm (the cdktf command line runs on it): https://nodejs.org"
else
    version=$(node --version | tr -d v)
    at_least "$version" 20.0.0 || complain "Node.js 20 or newer (found $version): https://nodejs.org"
fi

exit $missing
