"""How the project starts programs, and where it listens: never through a shell; on loopback but for the container."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOT_THE_PROJECTS = {"node_modules", "cdktf.out", "tests"}
FOLDERS = [
    folder.name
    for folder in ROOT.iterdir()
    if folder.is_dir() and folder.name[0] != "." and folder.name not in NOT_THE_PROJECTS
]
SOURCES = sorted([*ROOT.glob("*.py"), *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))])

SHELLS = {"sh", "bash", "dash", "zsh", "/bin/sh", "/bin/bash", "cmd", "powershell"}
THROUGH_A_SHELL = {
    "asyncio.create_subprocess_shell",
    "os.popen",
    "os.system",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
}
LISTENING = {
    "HTTPServer": 0,
    "TCPServer": 0,
    "ThreadingHTTPServer": 0,
    "ThreadingTCPServer": 0,
    "UDPServer": 0,
    "add_insecure_port": 0,
    "add_secure_port": 0,
    "create_datagram_endpoint": 1,
    "create_server": 0,
    "start_server": 1,
}
"""What listens, and which of its arguments has the address."""
SHELL_OF_IMAGES = "image_builder/dockerfile.py"
"""Reads Dockerfiles: their `RUN` and `CMD` in shell form are lists with a shell in the image. It starts nothing."""
CONTAINER_PORT = ("container/model_server/http/server.py", "create_server")
"""SageMaker reaches the container from outside: the one server that listens where its settings say."""


def _name(function: ast.expr) -> str:
    """`os.system` of `os.system(...)`; the attribute alone of what is called on a value."""
    if isinstance(function, ast.Attribute):
        owner = function.value.id + "." if isinstance(function.value, ast.Name) else ""
        return owner + function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    return ((_name(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call))


def _imported_shells(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from THROUGH_A_SHELL & {f"{node.module}.{alias.name}" for alias in node.names}


def through_a_shell(source: str) -> list[str]:
    """The places of a module that run something through a shell."""
    tree = ast.parse(source)
    found = list(_imported_shells(tree))
    for name, call in _calls(tree):
        if name in THROUGH_A_SHELL or any(
            keyword.arg == "shell" and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
            for keyword in call.keywords
        ):
            found.append(f"{name}, line {call.lineno}")
    for node in ast.walk(tree):
        if isinstance(node, ast.List) and len(node.elts) > 1:
            first, second = (item.value if isinstance(item, ast.Constant) else None for item in node.elts[:2])
            if first in SHELLS and second in ("-c", "-lc", "/c"):
                found.append(f"{first}, line {node.lineno}")
    return found


def _host(address: ast.expr | None) -> str | None:
    """The host of a listening address, `("127.0.0.1", port)` or `f"127.0.0.1:{port}"`; None where the code has none."""
    if isinstance(address, ast.Tuple):
        address = address.elts[0]
    if isinstance(address, ast.JoinedStr) and address.values:
        address = address.values[0]
    if isinstance(address, ast.Constant) and isinstance(address.value, str):
        return address.value.rpartition(":")[0] or address.value
    return None


def listens_elsewhere(source: str) -> list[str]:
    """The calls of a module that listen somewhere else than on 127.0.0.1, or somewhere that the code does not say."""
    found = []
    for name, call in _calls(ast.parse(source)):
        function = name.rpartition(".")[2]
        arguments = {keyword.arg: keyword.value for keyword in call.keywords}
        if name.startswith("uvicorn."):
            # Without a host it is 127.0.0.1, or the socket that is handed over.
            safe = "host" not in arguments or _host(arguments["host"]) == "127.0.0.1"
        elif function == "bind" and call.args and isinstance(call.args[0], ast.Tuple):
            safe = _host(call.args[0]) == "127.0.0.1"
        elif function in LISTENING:
            position = LISTENING[function]
            at = arguments.get("host") or (call.args[position] if len(call.args) > position else None)
            safe = _host(at) in ("127.0.0.1", "unix")  # gRPC: unix:PATH is a socket in the file system
        else:
            continue
        if not safe:
            found.append(f"{function}, line {call.lineno}")
    return found


def _relative(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def test_all_of_the_project_is_looked_at():
    found = {_relative(file) for file in SOURCES}
    assert {"main.py", CONTAINER_PORT[0], "local_aws/listener.py", "operations/terraform.py"} <= found
    assert {"benchmarks", "capacity", "demo", "image_builder", "model_catalog", "plan_review", "stacks"} <= set(FOLDERS)


def test_no_program_is_started_through_a_shell():
    sources = {_relative(file): file.read_text(encoding="utf-8") for file in SOURCES}
    found = {file: places for file, text in sources.items() if (places := through_a_shell(text))}
    assert list(found) == [SHELL_OF_IMAGES]
    assert "subprocess" not in sources[SHELL_OF_IMAGES]


def test_only_the_container_listens_on_more_than_loopback():
    found = {_relative(file): listens_elsewhere(file.read_text(encoding="utf-8")) for file in SOURCES}
    elsewhere = {file: places for file, places in found.items() if places}
    file, function = CONTAINER_PORT
    assert list(elsewhere) == [file]
    assert [place.partition(",")[0] for place in elsewhere[file]] == [function]


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.system('ls')",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import subprocess\nsubprocess.run('ls', shell=flag)",
        "from os import popen\npopen('ls')",
        "run(['bash', '-c', command])",
    ],
)
def test_a_shell_is_found(source: str):
    assert through_a_shell(source)


@pytest.mark.parametrize(
    "source",
    [
        "listener.bind(('0.0.0.0', 1))",
        "listener.bind((host, 1))",
        "listener.bind(('', 1))",
        "server.add_insecure_port(f'[::]:{port}')",
        "server.add_insecure_port(address)",
        "HTTPServer(('', 80), Handler)",
        "uvicorn.run(application, host='0.0.0.0')",
        "asyncio.start_server(answer, port=1)",
    ],
)
def test_an_open_port_is_found(source: str):
    assert listens_elsewhere(source)


@pytest.mark.parametrize(
    "source",
    [
        "listener.bind(('127.0.0.1', 1))",
        "server.add_insecure_port('127.0.0.1:0')",
        "server.add_insecure_port(f'127.0.0.1:{port}')",
        "asyncio.start_server(answer, '127.0.0.1', 0)",
        "module.bind(for_training=False)",
        "subprocess.run(['ls'], shell=False)",
    ],
)
def test_loopback_and_lists_are_fine(source: str):
    assert not listens_elsewhere(source)
    assert not through_a_shell(source)
