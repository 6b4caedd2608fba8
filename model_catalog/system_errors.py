"""What the operating system refused, for a person."""

from __future__ import annotations

import errno

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def explained(error: OSError) -> str:
    """What the system refused, where, and what to do."""
    place = f"{error.filename}: " if error.filename else ""
    reason = error.strerror or str(error) or type(error).__name__
    if error.errno in _NO_ROOM:
        remedy = "Free space there, or raise the quota or `ulimit -f`, and try again. The lock file was not changed."
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = "Check its owner and mode, and that its file system can be written."
    elif error.errno == errno.ENAMETOOLONG:
        remedy = "Shorten the path, or put the catalog in a folder with a shorter one (--catalog)."
    else:
        remedy = "See to it, and try again."
    return f"{place}{reason}. {remedy}"
