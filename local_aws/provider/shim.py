#!/bin/sh
""":"
# Ctrl-C goes to the whole process group. Terraform then ends its work first, which needs the provider.
trap '' INT
exec "${LOCAL_AWS_PYTHON:-python3}" -I -S "$0" "$@"
"""
# The lines above are a string for Python and a program for sh: `env` with options does not work everywhere.
# No docstring, and few imports: Terraform starts this three times for a plan, and each millisecond counts.
#
# The program that Terraform starts as hashicorp/aws, from the mirror that `mirror.py` makes. The provider itself is in
# the local AWS: this program asks it for a socket, tells Terraform about that in go-plugin's handshake, and ends when
# the local AWS closes the connection, which it does as soon as Terraform has no more use for the provider.

import os
import select
import socket
import sys

VARIABLE = "LOCAL_AWS_PROVIDER_SOCKET"
TIMEOUT_SECONDS = 30
ADVICE = 'Start it with `python -m local_aws serve`, and then run: eval "$(python -m local_aws env)"'


def main() -> None:
    try:
        connection, handshake = ask(os.environ)
    except (OSError, ValueError) as error:
        # Terraform shows the first line of standard output, where it expects the handshake.
        message = f"local AWS: {error}"
        print(message, flush=True)
        sys.exit(message)
    print(handshake, end="", flush=True)
    # Standard output reports an error as soon as nobody reads it any more: Terraform was killed.
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    poll.register(sys.stdout, 0)
    poll.poll()


def ask(environment: "os._Environ[str]") -> "tuple[socket.socket, str]":
    """A connection that lasts as long as the provider is wanted, and go-plugin's handshake."""
    if "TF_PLUGIN_MAGIC_COOKIE" not in environment:
        raise ValueError("this is a provider for Terraform, which starts it; it has no use by itself")
    if VARIABLE not in environment:
        raise ValueError(
            "this is the local AWS's stand-in for hashicorp/aws, and this shell has no variables of a local AWS. "
            f"{ADVICE}. For AWS itself, remove .terraform and run `terraform init` again"
        )
    if "PLUGIN_CLIENT_CERT" in environment:
        raise ValueError(
            "the stand-in for hashicorp/aws needs TF_DISABLE_PLUGIN_TLS=1, as `python -m local_aws env` sets"
        )
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(TIMEOUT_SECONDS)
    try:
        connection.connect(environment[VARIABLE])
        connection.sendall(os.fsencode(os.getcwd()) + b"\0")  # noqa: PTH109 - pathlib takes milliseconds to load
        handshake = connection.makefile().readline()
    except OSError:
        handshake = ""
    if not handshake:
        url = environment.get("AWS_ENDPOINT_URL", "an address that this shell does not know")
        raise ValueError(f"the local AWS of this shell's variables ({url}) is not running. {ADVICE}")
    connection.settimeout(None)
    return connection, handshake


if __name__ == "__main__":
    main()
