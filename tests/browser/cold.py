"""How long until the recovered automaton is drawn, from the root address: `python -m tests.browser.cold [ROUNDS]`.

Prints seconds and clicks. Every round uses a fresh server and a fresh browser, so nothing is warm but the disk.
"""

from __future__ import annotations

import sys
import time

from tests.browser.server import PATIENCE, browser, server

DRAWN = """() => {
    const title = [...document.querySelectorAll('h6')].find((h) => h.textContent.includes('4 · Recovered automaton'));
    if (!title) return false;
    return [...document.querySelectorAll('[data-testid="stGraphVizChart"]')].some(
        (chart) => title.compareDocumentPosition(chart) & Node.DOCUMENT_POSITION_FOLLOWING
            && chart.querySelectorAll('g.edge').length > 0);
}"""


def measure() -> tuple[float, float, float]:
    """Seconds: until the server answers; from the first request to the drawing; the same again in a second session."""
    with browser() as chromium:
        begin = time.perf_counter()
        with server() as address:
            ready = time.perf_counter() - begin
            took = []
            for _ in range(2):
                page = chromium.new_context(viewport={"width": 1440, "height": 1000}).new_page()
                start = time.perf_counter()
                page.goto(address)
                page.wait_for_function(DRAWN, timeout=PATIENCE)
                took.append(time.perf_counter() - start)
                page.context.close()
    return ready, took[0], took[1]


def main() -> None:
    """Print one line per round."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    for number in range(1, rounds + 1):
        ready, cold, warm = measure()
        print(
            f"round {number}: server started and warmed up in {ready:.2f} s; root address to drawn recovered automaton "
            f"{cold:.2f} s for the first visitor, {warm:.2f} s for the second; 0 clicks"
        )


if __name__ == "__main__":
    main()
