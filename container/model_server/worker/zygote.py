"""The process that workers are forked from: it has imported the engines, which takes seconds, and does nothing else.

A worker forked from it is ready within milliseconds and shares the pages of the libraries' data. The front process
sends one byte with a socket for each worker it wants; the zygote answers with JSON messages: `{"ready": pid}` once,
`{"pid": ...}` for each worker, `{"exited": pid, "status": ...}` when one ends.

Another byte asks for a standby: a fork that does what this process does, on the socket that came with the byte. It
outlives this process, and takes its place.
"""

import contextlib
import ctypes
import faulthandler
import gc
import logging
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

import orjson

from ..process_tree import adopt_orphans, call_itself, children, die_with_parent
from ..settings import Settings
from ..wire import FORK_STANDBY, FORK_WORKER
from . import request_log

_FATAL_SIGNALS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT)
_NAME = "model-forker"

RunWorker = Callable[[socket.socket, Settings], None]


def main() -> None:
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    settings = Settings.model_validate_json(sys.argv[2])
    request_log.install()
    logging.basicConfig(format=request_log.FORMAT, stream=sys.stderr)
    gc.disable()  # what is imported stays: looking through it again and again takes a tenth of the start
    # Import all that a worker needs; none of it may start a thread or compute, or forking would not be safe.
    import mxnet  # noqa: PLC0415, F401
    import onnxruntime  # noqa: PLC0415, F401

    # PIL imports its formats on first use; that first use would be in a request.
    from PIL import JpegImagePlugin, PngImagePlugin  # noqa: PLC0415, F401

    from . import process  # noqa: PLC0415

    gc.collect()
    gc.freeze()
    gc.enable()
    ctypes.CDLL(None).malloc_trim(0)
    _serve(control, settings, process.run)


def _serve(control: socket.socket, settings: Settings, run_worker: RunWorker) -> None:
    """Fork what the front process asks for, until it is gone or stops."""
    adopt_orphans()
    call_itself(_NAME)
    wake_read, wake_write = socket.socketpair()
    wake_read.setblocking(False)
    wake_write.setblocking(False)
    signal.set_wakeup_fd(wake_write.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    selector.register(wake_read, selectors.EVENT_READ)
    forked: dict[int, bytes] = {}
    _send(control, {"ready": os.getpid()})
    while True:
        for key, _ in selector.select():
            if key.fileobj is wake_read:
                wake_read.recv(4096)
                _reap(control, forked)
                continue
            what, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            if not what:
                # The workers' end must not write to closed sockets.
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.set_wakeup_fd(-1)
                return
            os.set_inheritable(descriptors[0], False)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for other in (control, wake_read, wake_write):
                    other.close()
                selector.close()
                _be(_standby if what == FORK_STANDBY else _worker, descriptors[0], settings, run_worker)
            forked[pid] = what
            os.close(descriptors[0])
            if what == FORK_WORKER:
                _send(control, {"pid": pid})


def _be(role: Callable[[int, Settings, RunWorker], None], *arguments: *tuple[int, Settings, RunWorker]) -> NoReturn:
    status = 1
    try:
        role(*arguments)
        status = 0
    except BaseException:  # noqa: BLE001 - the last frame of the process: say why, then end without unwinding
        with contextlib.suppress(OSError, ValueError):  # an artifact's code may have closed the log
            traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(status)


def _standby(descriptor: int, settings: Settings, run_worker: RunWorker) -> None:
    """Wait for work. It ends with the front process, as its socket closes then; not with its parent."""
    _serve(socket.socket(fileno=descriptor), settings, run_worker)


def _worker(descriptor: int, settings: Settings, run_worker: RunWorker) -> None:
    die_with_parent()
    call_itself("model-worker")
    _prepare_for_foreign_code(descriptor)
    run_worker(socket.socket(fileno=descriptor), settings)


def _prepare_for_foreign_code(descriptor: int) -> None:
    """Artifacts' code and damaged weights may do anything in this process.

    A signal that ends it does so at once and leaves a trace in the log: MXNet's own handlers, installed at its import,
    hang in a forked process. SIGTERM is for the server as a whole, which drains first: a worker does nothing on it, by
    a handler, since programs that code starts would inherit that it is ignored. Children belong to the worker's process
    group, and to the worker when their parent ends; none of them keeps the server's socket.
    """
    for number in _FATAL_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    faulthandler.enable(sys.stderr)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    os.setpgid(0, 0)
    adopt_orphans()

    def in_child() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        with contextlib.suppress(OSError):
            os.close(descriptor)

    os.register_at_fork(after_in_child=in_child)


def _reap(control: socket.socket, forked: dict[int, bytes]) -> None:
    """Tell of workers that ended, and end what they left behind. `forked`: what was asked for, by its process.

    What is left of a worker's process group are children of its code. Those in a session of their own are this
    process's children now.
    """
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None:
            return
        # Before it is reaped its number is nobody else's.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(ended.si_pid, signal.SIGKILL)
        pid, status = os.waitpid(ended.si_pid, 0)
        if forked.pop(pid, None) == FORK_WORKER:
            _send(control, {"exited": pid, "status": os.waitstatus_to_exitcode(status)})
        for stray in set(children()) - forked.keys():
            with contextlib.suppress(ProcessLookupError):
                os.kill(stray, signal.SIGKILL)


def _send(control: socket.socket, message: dict[str, object]) -> None:
    with contextlib.suppress(ConnectionError):  # the front process is gone, which is seen where it is read from
        control.send(orjson.dumps(message))


if __name__ == "__main__":
    main()
