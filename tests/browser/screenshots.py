"""Photograph every page, light and dark, wide and narrow: `python -m tests.browser.screenshots OUTDIR [PAGE ...]`."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.server import PATIENCE, browser, server, settle

PAGES = ("start", "build", "traces", "learn", "inspect", "certify", "universal", "about")
WIDTHS = (1440, 390)
STATES = {"start-broken": ("start", "Break it")}  # extra pictures: page, and the button to press there


def photograph(page: Page, address: str, name: str, target: Path) -> None:
    """One full-page picture of the page `name`."""
    path, button = STATES.get(name, (name, None))
    page.goto(address + ("/" if path == "start" else f"/{path}"))
    settle(page)
    if button:
        page.get_by_role("button", name=button).click()
        page.get_by_text("The twin").first.wait_for(timeout=PATIENCE)
        settle(page)
    height = page.evaluate(
        "() => Math.max(...[...document.querySelectorAll('[data-testid=stMain], section')].map((e) => e.scrollHeight))"
    )
    page.set_viewport_size({"width": page.viewport_size["width"], "height": min(int(height) + 40, 6000)})
    settle(page)
    page.screenshot(path=target)


def main() -> None:
    """Write OUTDIR/<page>-<theme>-<width>.png for every page."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[2:] or [*PAGES, *STATES]
    with server() as address, browser() as chromium:
        for scheme in ("light", "dark"):
            for width in WIDTHS:
                for name in wanted:
                    page = chromium.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
                    photograph(page, address, name, out / f"{name}-{scheme}-{width}.png")
                    page.close()


if __name__ == "__main__":
    main()
