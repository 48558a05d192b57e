"""A small wall in front of Gradio: it closes the doors that this app does not use.

Gradio accepts uploads and fetches addresses for any visitor, even where no component asks for it.
"""

from __future__ import annotations

import re

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 64 * 1024
CLOSED = re.compile(r"/(upload($|/)|proxy=|file[=/]\s*[a-z][a-z0-9+.-]+:)", re.IGNORECASE)
"""Uploads, the proxy, and files that are addresses; local files are Gradio's to refuse."""


class Guard:
    """ASGI middleware: closed doors answer 404, bodies above `LARGEST_BODY` bytes 413."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif CLOSED.search(scope["path"]):
            await PlainTextResponse("not found", 404)(scope, receive, send)
        elif (body := await _read(receive)) is None:
            await PlainTextResponse(f"a request may have {LARGEST_BODY} bytes", 413)(scope, receive, send)
        else:
            await self.app(scope, _replay(body, receive), send)


async def _read(receive: Receive) -> bytes | None:
    """The whole body, in however many parts it comes; None as soon as it is too large."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST_BODY:
            return None
    return body


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body at once, and then what really comes: the end of the connection."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed
