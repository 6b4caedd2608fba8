"""The process that workers are forked from: it has imported the engines, which takes seconds, and does nothing else.

A worker forked from it is ready within milliseconds and shares the pages of the libraries' data. The front process
sends one byte with a socket for each worker it wants; the zygote answers with JSON messages: `{"ready": true}` once,
`{"pid": ...}` for each fork, `{"exited": pid, "status": ...}` when a worker ends.
"""

import ctypes
import gc
import json
import logging
import os
import selectors
import signal
import socket
import sys
import traceback
from typing import NoReturn

from .settings import Settings

_PR_SET_PDEATHSIG = 1


def main() -> None:
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    control = socket.socket(fileno=int(sys.argv[1]))
    settings = Settings.model_validate_json(sys.argv[2])
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    # Import all that a worker needs; none of it may start a thread or compute, or forking would not be safe.
    import mxnet  # noqa: PLC0415, F401
    import onnxruntime  # noqa: PLC0415, F401

    # PIL imports its formats on first use; that first use would be in a request.
    from PIL import JpegImagePlugin, PngImagePlugin  # noqa: PLC0415, F401

    from . import worker  # noqa: PLC0415

    gc.collect()
    gc.freeze()
    ctypes.CDLL(None).malloc_trim(0)
    _send(control, {"ready": True})
    _serve(control, settings, worker.run)


def _serve(control: socket.socket, settings: Settings, run_worker) -> None:
    wake_read, wake_write = socket.socketpair()
    wake_read.setblocking(False)
    wake_write.setblocking(False)
    signal.set_wakeup_fd(wake_write.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    selector.register(wake_read, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is wake_read:
                wake_read.recv(4096)
                _reap(control)
                continue
            data, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            if not data:
                # The front process is gone or stops: the workers' end must not write to closed sockets.
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.set_wakeup_fd(-1)
                return
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for other in (control, wake_read, wake_write):
                    other.close()
                selector.close()
                _be_worker(descriptors[0], settings, run_worker)
            os.close(descriptors[0])
            _send(control, {"pid": pid})


def _be_worker(descriptor: int, settings: Settings, run_worker) -> NoReturn:
    status = 1
    try:
        _die_with_parent()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        run_worker(socket.socket(fileno=descriptor), settings)
        status = 0
    except BaseException:  # noqa: BLE001 - the last frame of the process: say why, then end without unwinding
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _reap(control: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _send(control, {"exited": pid, "status": os.waitstatus_to_exitcode(status)})


def _send(control: socket.socket, message: dict[str, object]) -> None:
    control.send(json.dumps(message).encode())


def _die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, however that happens."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
