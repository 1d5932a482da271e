"""A linattn server of our own on a free port, and a Chromium to look at it; used by the flows and the screenshots."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, FloatRect, Locator, Page, TimeoutError, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE = 60_000  # milliseconds; generous, since a test machine may be busy


def chromium() -> str | None:
    """The path of a Chromium or Chrome on this machine, if there is one."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


@contextmanager
def server() -> Iterator[str]:
    """Run the app on a free port; yields its address and stops it at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "app.py",
        "--server.address=127.0.0.1",
        f"--server.port={port}",
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ)
    )
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            output = process.stdout.read().decode() if process.stdout else ""
            raise RuntimeError(f"The server stopped at once:\n{output}")
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("The server did not answer within 60 seconds.")


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        instance = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        try:
            yield instance
        finally:
            instance.close()


def settle(page: Page) -> None:
    """Wait until the app has finished its run and no progress bar is left, and diagrams have been drawn."""
    page.wait_for_function(
        """() => {
            const app = document.querySelector('[data-testid="stApp"]');
            if (!app || app.getAttribute('data-test-script-state') !== 'notRunning') { window._calm = 0; return false; }
            if (document.querySelector('[data-testid="stProgress"], [data-testid="stSkeleton"]')) return false;
            const charts = [...document.querySelectorAll('[data-testid="stGraphVizChart"]')];
            if (charts.some((chart) => chart.offsetParent && !chart.querySelector('svg'))) return false;
            window._calm = window._calm || Date.now();
            return Date.now() - window._calm > 400;
        }""",
        timeout=PATIENCE,
    )


def stand_still(page: Page, part: Locator) -> FloatRect:
    """Wait until `part` has kept its place and size for half a second, and return them.

    While a page still grows, the mouse may go down on one thing and up on another, which is a click on neither.
    """
    before, calm = None, 0
    for _ in range(PATIENCE // 100):
        box = part.bounding_box()
        calm = calm + 1 if box is not None and box == before else 0
        if box is not None and calm == 5:
            return box
        before = box
        page.wait_for_timeout(100)
    raise AssertionError("the page never stood still")


def edit_cell(page: Page, sheet: Locator, at: tuple[float, float], keys: tuple[str, ...], text: str) -> None:
    """Type `text` into a cell of a table: click `at` (x, y) in the table, press `keys` to reach the cell, edit it.

    The table is a canvas: a click that comes while the page still grows lands elsewhere, and keys that come before the
    cell is taken are lost. So wait until the table stands still, and begin again where no editor opened.
    """
    for _ in range(6):
        settle(page)
        sheet.scroll_into_view_if_needed()
        box = stand_still(page, sheet)
        page.mouse.click(box["x"] + at[0], box["y"] + at[1])
        for key in (*keys, "Enter"):
            page.wait_for_timeout(100)
            page.keyboard.press(key)
        with contextlib.suppress(TimeoutError):
            # The editor is there a moment before it takes keys, and has the text a moment before Enter would keep it.
            page.wait_for_function("document.activeElement?.closest('[id^=\"gdg-overlay\"]')", timeout=3_000)
            page.keyboard.type(text)
            page.wait_for_timeout(200)
            page.keyboard.press("Enter")
            return
    raise AssertionError("the cell's editor never opened")
