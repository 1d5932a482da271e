"""What the components' browser tests share: private pages, and a hand that knows where things are."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.server import PATIENCE, ROOT, _wait

expect.set_options(timeout=PATIENCE)  # a test machine may be busy


@contextmanager
def serving(name: str) -> Iterator[str]:
    """Run tests/browser/<name>.py under the settings of the app; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", f"tests/browser/{name}.py", f"--server.port={port}"]
    process = subprocess.Popen(
        [*command, "--server.address=127.0.0.1"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(os.environ),
    )
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


class Board:
    """A page with the editor on it, and everything that was said or asked for behind the user's back."""

    def __init__(self, browser: Browser, address: str, machine: str, **settings: object) -> None:
        settings = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"} | settings
        self.context = browser.new_context(**settings)
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()
        self.trouble: list[str] = []
        self.outside: list[str] = []
        self.page.on("console", lambda m: m.type == "error" and self.trouble.append(m.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("request", lambda r: r.url.startswith((address, "blob:", "data:")) or self.outside.append(r.url))
        self.page.goto(f"{address}/?machine={machine}")
        expect(self.page.locator(".canvas")).to_be_visible(timeout=PATIENCE)
        expect(self.page.get_by_text(re.compile(r"^heard 0$"))).to_be_visible(timeout=PATIENCE)

    @property
    def keys(self):
        return self.page.keyboard

    @property
    def mouse(self):
        return self.page.mouse

    def truth(self) -> dict:
        """The drawing that Python holds, in plain data."""
        return json.loads(self.page.locator('[data-testid="stCode"] code').text_content())

    def heard(self, count: int) -> dict:
        """Wait until `count` gestures are sent and Python has answered the last one; returns its drawing.

        A busy server may hear of several at once; each message is the whole drawing, so the last one counts.
        """
        sent = self.page.locator(f'.editor[data-sent="{count}"][data-answered="{count}"]')
        expect(sent).to_have_count(1)
        return self.truth()

    def state(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=f"state {name}", exact=True)

    def edge(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=f"edge from {name}", exact=True)

    def button(self, name: str) -> Locator:
        return self.page.locator(".editor").get_by_role("button", name=name, exact=True)

    def centre(self, name: str) -> tuple[float, float]:
        """Where the middle of a state is on the page."""
        box = self.state(name).locator(".body").bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def rim(self, name: str) -> tuple[float, float]:
        """A point on the left rim of a state."""
        box = self.state(name).locator(".body").bounding_box()
        return box["x"], box["y"] + box["height"] / 2

    def paper(self, x: float, y: float) -> tuple[float, float]:
        box = self.page.locator(".canvas").bounding_box()
        return box["x"] + x, box["y"] + y

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.mouse.move(*start)
        self.mouse.down()
        self.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 - 30, steps=4)
        self.mouse.move(*end, steps=4)
        self.mouse.up()

    def type(self, text: str) -> None:
        """Type into the open text field and press Enter."""
        field = self.page.locator(".typing input")
        expect(field).to_be_focused()
        field.fill(text)
        self.keys.press("Enter")
        expect(self.page.locator(".typing")).to_have_count(0)

    def focused(self) -> str:
        """The accessible name of what has the focus."""
        return self.page.evaluate(
            """() => {
                let a = document.activeElement;
                while (a.shadowRoot && a.shadowRoot.activeElement) a = a.shadowRoot.activeElement;
                return a.getAttribute('aria-label') || a.textContent;
            }"""
        )

    def close(self) -> None:
        """End, and hold that nothing was complained of and nobody outside was asked."""
        self.context.close()
        assert self.trouble == [], self.trouble
        assert self.outside == [], self.outside
