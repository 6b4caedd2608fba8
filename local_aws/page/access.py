"""Who may see the page: a browser that was given a link, once, by the person who runs the local AWS.

A link's key is good for one use. It is exchanged for a session, which the browser keeps in a cookie that scripts cannot
read and that other sites' requests do not carry. Keys and sessions end with the process.
"""

import hmac
import secrets
import threading
from collections import deque
from collections.abc import Iterable

_LINKS = 256
"""So many links may be open; a new one then closes the oldest."""

_SESSIONS = 64


class PageAccess:
    """Hands out keys, and sessions for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: deque[str] = deque(maxlen=_LINKS)
        self._sessions: deque[str] = deque(maxlen=_SESSIONS)

    def new_key(self) -> str:
        """A key for a link; good for one use."""
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._keys.append(key)
        return key

    def use(self, key: str) -> bool:
        """Whether `key` is one that was handed out and not used yet. It is used now."""
        with self._lock:
            found = _find(key, self._keys)
            if found is not None:
                self._keys.remove(found)
        return found is not None

    def new_session(self) -> str:
        session = secrets.token_urlsafe(24)
        with self._lock:
            self._sessions.append(session)
        return session

    def knows(self, session: str) -> bool:
        with self._lock:
            return _find(session, self._sessions) is not None


def _find(given: str, known: Iterable[str]) -> str | None:
    """Looks at all of them, each for as long: how long it takes says nothing."""
    found = None
    for one in known:
        if hmac.compare_digest(given.encode(), one.encode()):
            found = one
    return found
