"""A small wall in front of Gradio: it closes the doors that this app does not use.

Gradio fetches addresses for any visitor, and takes a thousand files at once, even where no component asks for it.
"""

from __future__ import annotations

import re
import sys
import time

from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY, LARGEST_UPLOAD = 64 * 1024, 10_500_000
SHARE, SHARE_SECONDS = 60_000_000, 900
"""Bytes that one visitor may upload, and in how long: others' files stay."""
UPLOAD, CANCEL = re.compile(r"/upload/?$"), re.compile(r"/cancel/?$")
CLOSED = re.compile(
    r"/(proxy=|custom_component/|file[=/]\s*[a-z][a-z0-9+.-]+:|deep_link|component_server|process_recording|stream/|run-history|runs/?$"
    r"|(undo-)?vibe-|profiling|monitoring|dev/)",
    re.IGNORECASE,
)
"""The proxy, files that are addresses, and services without a use here; local files are Gradio's to refuse."""

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'"
)
"""The browser asks no other host, whatever comes to be on the page. Gradio needs inline scripts, and makes some."""
HEADERS = {"content-security-policy": POLICY, "referrer-policy": "same-origin", "x-content-type-options": "nosniff"}


class Guard:
    """ASGI middleware: closed doors answer 404, bodies that are too large, or more than one file, 413."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self.uploads: dict[str, list[tuple[float, int]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        send = _with_headers(send)
        upload = bool(UPLOAD.search(scope["path"]))
        most = LARGEST_UPLOAD if upload else LARGEST_BODY
        if CLOSED.search(scope["path"]):
            await PlainTextResponse("not found", 404)(scope, receive, send)
        elif (body := await _read(receive, most)) is None:
            await PlainTextResponse(f"a request may have {most} bytes", 413)(scope, receive, send)
        elif upload and _parts(scope, body) > 1:
            await PlainTextResponse("one file at a time", 413)(scope, receive, send)
        elif upload and not self._fits(str((scope.get("client") or ("",))[0]), len(body)):
            minutes = SHARE_SECONDS // 60
            await PlainTextResponse(f"that is a lot of files; more in {minutes} minutes", 429)(scope, receive, send)
        else:
            await self._answer(scope, _replay(body, receive), send)

    def _fits(self, visitor: str, size: int) -> bool:
        """Whether an upload is within the visitor's share, from which it then goes."""
        since = time.monotonic() - SHARE_SECONDS
        recent = {name: [up for up in ups if up[0] > since] for name, ups in self.uploads.items()}
        self.uploads = {name: ups for name, ups in recent.items() if ups}
        mine = self.uploads.get(visitor, [])
        if sum(before for _, before in mine) + size > SHARE:
            return False
        self.uploads[visitor] = [*mine, (time.monotonic(), size)]
        return True

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What Gradio answers; where it breaks, which it does on names that it does not know, 404, and no traceback."""
        state = "silent"

        async def sent(message: Message) -> None:
            nonlocal state
            state = "complete" if message["type"] == "http.response.body" and not message.get("more_body") else "begun"
            await send(message)

        try:
            await self.app(scope, receive, sent)
        except Exception as error:
            if state == "silent" and CANCEL.search(scope["path"]):  # it has ended by itself meanwhile
                await JSONResponse({"success": True})(scope, receive, send)
                return
            print(f"refused: {scope['method']}, {type(error).__name__}", file=sys.stderr)
            if state == "silent":
                await PlainTextResponse("not found", 404)(scope, receive, send)
            elif state == "begun":
                await send({"type": "http.response.body", "body": b""})


def _with_headers(send: Send) -> Send:
    """A `send` that adds `HEADERS` to those of the answer."""
    ours = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *ours]}
        await send(message)

    return sent


def _parts(scope: Scope, body: bytes) -> int:
    """How many parts a form has; its boundary stands before each, and at the end."""
    kind = dict(scope["headers"]).get(b"content-type", b"")
    found = re.search(rb"boundary=\"?([^\";,]+)", kind)
    return body.count(b"--" + found[1]) - 1 if found else 0


async def _read(receive: Receive, most: int) -> bytes | None:
    """The whole body, in however many parts it comes; None as soon as it is too large."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
            return None
    return body


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body at once, and then what really comes: the end of the connection."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed
