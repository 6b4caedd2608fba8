"""The page over HTTP.

GET  /_local/?key=KEY          a link's key, once: sets the session's cookie and goes on to /_local/
GET  /_local/                  the page
GET  /_local/state.json        its facts; with `?key=KEY` for programs, which have no session
GET  /_local/models.json       ?endpoint=NAME: the target models in S3
POST /_local/invocations       ?endpoint=NAME&model=TARGET: InvokeEndpoint with the request's body

Everything needs a session. Names of models and endpoints are other people's text: the page puts them into the document
as text only, and its Content-Security-Policy runs no script but its own.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from ..sagemaker.invocation import MAX_BODY_BYTES, Invocation
from .access import PageAccess
from .invoking import ListModels

_FILE = Path(__file__).with_name("page.html")
_ROOT = "/_local/"
_OWN_HEADER = "x-local-aws-page"
"""A page of another origin cannot send it without asking first, and nobody answers that."""

_NO_SESSION = (
    "This page needs a link of its own, which is good for one use. `python -m local_aws page` prints one. "
    "Links and sessions end with the local AWS."
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Page:
    """Answers the requests below /_local/ that are the page's.

    Args:
        url: of the local AWS.
        state: the facts.
        invoke: runs an invocation; its answer as the page shows it.
        models: the target models below an S3 prefix.
    """

    def __init__(
        self,
        *,
        url: str,
        state: Callable[[], dict[str, Any]],
        invoke: Callable[[Invocation], dict[str, Any]],
        models: ListModels,
    ) -> None:
        self._url = url
        self._state = state
        self._invoke = invoke
        self._models = models
        self._access = PageAccess()
        # Cookies do not keep ports apart: each local AWS of the machine has a name of its own.
        self._cookie = f"local_aws_{urlsplit(url).port}"
        self._html = _FILE.read_text(encoding="utf-8")
        self._policy = _policy(self._html)

    def new_link(self) -> str:
        """The page's address, good for one use."""
        return f"{self._url}{_ROOT}?key={self._access.new_key()}"

    def new_state_link(self) -> str:
        """The address of the JSON, good for one use."""
        return f"{self._url}{_ROOT}state.json?key={self._access.new_key()}"

    async def answer(self, request: Request) -> Response | None:
        """None for a path that is not the page's."""
        handlers = {
            ("GET", "/_local/"): self._page,
            ("GET", "/_local/state.json"): self._state_json,
            ("GET", "/_local/models.json"): self._models_json,
            ("POST", "/_local/invocations"): self._invocations,
        }
        handler = handlers.get((request.method, request.url.path))
        if handler is None:
            return None
        response = await handler(request)
        for name, value in _HEADERS.items():
            response.headers[name] = value
        return response

    async def _page(self, request: Request) -> Response:
        key = request.query_params.get("key")
        if key is not None and self._access.use(key):
            response: Response = RedirectResponse(_ROOT, 303)
            response.set_cookie(self._cookie, self._access.new_session(), path=_ROOT, httponly=True, samesite="strict")
            return response
        if not self._has_session(request):
            return Response(_NO_SESSION + "\n", 401, media_type="text/plain")
        return HTMLResponse(self._html, headers={"Content-Security-Policy": self._policy})

    async def _state_json(self, request: Request) -> Response:
        key = request.query_params.get("key")
        if not (self._has_session(request) or (key is not None and self._access.use(key))):
            return _refused(401, _NO_SESSION)
        return JSONResponse(await anyio.to_thread.run_sync(self._state))

    async def _models_json(self, request: Request) -> Response:
        if not self._has_session(request):
            return _refused(401, _NO_SESSION)
        state = await anyio.to_thread.run_sync(self._state)
        name = request.query_params.get("endpoint")
        prefixes = {
            variant["artifacts"]
            for endpoint in state["endpoints"]
            if endpoint["name"] == name
            for variant in endpoint["variants"]
            if variant["artifacts"] is not None
        }
        found = [await anyio.to_thread.run_sync(self._models, prefix) for prefix in sorted(prefixes)]
        return JSONResponse({"models": sorted({model for models in found for model in models})})

    async def _invocations(self, request: Request) -> Response:
        if not self._has_session(request):
            return _refused(401, _NO_SESSION)
        if _OWN_HEADER not in request.headers or request.headers.get("origin") not in (None, self._origin(request)):
            return _refused(403, "Only the page itself may invoke.")
        members = {
            "ContentType": request.headers.get("content-type", "application/octet-stream"),
            "Accept": request.query_params.get("accept") or "application/json",
        }
        if target_model := request.query_params.get("model"):
            members["TargetModel"] = target_model
        invocation = Invocation(request.query_params.get("endpoint", ""), await _bounded_body(request), members)
        return JSONResponse(await anyio.to_thread.run_sync(partial(self._invoke, invocation)))

    def _has_session(self, request: Request) -> bool:
        # A page of another port of this host is of the same site, and its requests carry the cookie.
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        session = request.cookies.get(self._cookie)
        return session is not None and self._access.knows(session)

    @staticmethod
    def _origin(request: Request) -> str:
        return f"http://{request.headers.get('host', '')}"


def _refused(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status)


async def _bounded_body(request: Request) -> bytes:
    """The body up to one byte more than an invocation may have: the service says what is wrong with more."""
    pieces, size = [], 0
    try:
        async for piece in request.stream():
            if size <= MAX_BODY_BYTES:
                pieces.append(piece)
                size += len(piece)
    except ClientDisconnect:
        return b""
    return b"".join(pieces)


def _policy(html: str) -> str:
    """The Content-Security-Policy: the page's own style and script by their digests, and nothing from elsewhere."""

    def sources(tag: str) -> str:
        texts = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(t.encode()).digest()).decode()}'" for t in texts)

    return (
        f"default-src 'none'; script-src {sources('script')}; style-src {sources('style')}; connect-src 'self'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
