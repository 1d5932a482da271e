"""Addresses too long for any lab: a page with one sentence, where the server would otherwise hang up without a word."""

from __future__ import annotations

from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http import h11_impl

from linattn_core.link import too_long

MAX_QUERY = 60_000  # bytes that reach the app itself, which then says what is wrong with them
MAX_REQUEST = 4 * 2**20  # bytes of a request line with its headers; browsers stop at 2 MiB

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>linattn</title><style>:root {{ color-scheme: light dark; font: 1rem/1.6 system-ui, sans-serif; }}
main {{ max-width: 36rem; margin: 20vh auto; padding: 0 1.5rem; }}</style>
<main><h1>This link cannot be opened</h1><p>{sentence} Nothing you have built elsewhere was changed.</p>
<p><a href="{root}/">Open the worked example</a></p></main></html>"""


def let_in() -> None:
    """Let long addresses reach the application; uvicorn's own limit is 64 KiB, and ``streamlit run`` passes none on.

    That is its parser h11; where httptools is installed uvicorn takes that instead, which hangs up as before.
    """
    h11_impl.DEFAULT_MAX_INCOMPLETE_EVENT_SIZE = MAX_REQUEST


class LongLinks:
    """Middleware that answers requests whose query is longer than ``MAX_QUERY`` bytes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on to the app."""
        size = len(scope.get("query_string", b""))
        if scope["type"] != "http" or size <= MAX_QUERY:
            await self.app(scope, receive, send)
            return
        page = PAGE.format(sentence=too_long(size), root=scope.get("root_path", ""))
        await HTMLResponse(page, status_code=414)(scope, receive, send)
