"""The word runner in a real browser: every view shows the same step, and the server is not asked once."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from linattn_core.machines import presets
from tests.browser.drawing import serving
from tests.browser.server import PATIENCE

pytestmark = pytest.mark.browser
WORD = "abbaabab"
PATH = presets()["contains aba"].path(WORD)


@pytest.fixture(scope="module")
def address(chromium: Browser) -> Iterator[str]:
    with serving("runner_app") as running:
        yield running


@pytest.fixture
def runner(page: Page, address: str) -> Iterator[Page]:
    trouble: list[str] = []
    outside: list[str] = []
    page.on("console", lambda m: m.type == "error" and trouble.append(m.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda r: r.url.startswith((address, "blob:", "data:")) or outside.append(r.url))
    yield page
    assert trouble == []
    assert outside == []


def shown(page: Page) -> dict:
    """What each view marks."""
    return page.locator(".runner").evaluate(
        """(runner) => {
            const text = (selector) => [...runner.querySelectorAll(selector)].map((e) => e.textContent);
            return {
                state: text('.state.active text:last-of-type')[0] ?? text('.state.active > text')[0],
                ghost: text('.state.ghost > text')[0] ?? null,
                letter: runner.querySelector('.letter.now')?.getAttribute('aria-label') ?? null,
                read: runner.querySelectorAll('.letter.read').length,
                token: text('.token.now')[0] ?? null,
                tokenAt: [...runner.querySelectorAll('.token')].findIndex((t) => t.classList.contains('now')),
                edge: text('.tag.active text')[0] ?? null,
                astray: text('text.astray')[0] ?? null,
                matrix: runner.querySelector('.matrix').getAttribute('aria-label'),
                step: Number(runner.querySelector('input[type=range]').value),
            };
        }"""
    )


def opened(page: Page, address: str, query: str = "") -> None:
    page.goto(f"{address}/?{query}")
    expect(page.locator(".runner")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("Start in q0.")).to_be_visible(timeout=PATIENCE)


def button(page: Page, name: str):
    return page.locator(".runner").get_by_role("button", name=name, exact=True)


def test_state_letter_token_and_matrix_show_the_same_step(runner: Page, address: str):
    opened(runner, address)
    assert shown(runner)["state"] == "q0"
    for step in range(1, len(WORD) + 1):
        button(runner, "One step forward").click()
        before, after, letter = PATH[step - 1], PATH[step], WORD[step - 1]
        view = shown(runner)
        assert view["step"] == step
        assert view["state"] == after
        assert view["letter"] == f"letter {step}, {letter}"
        assert view["read"] == step - 1
        assert (view["token"], view["tokenAt"]) == (f"{before}, {letter}", step - 1)
        assert letter in view["edge"]
        assert f"row {before}, column {letter} decides" in view["matrix"]
        assert (view["ghost"], view["astray"]) == (None, None)
    expect(runner.get_by_role("status")).to_contain_text("The word is accepted.")
    expect(runner.get_by_text("script runs 1")).to_be_visible()  # no frame asked the server


def test_back_scrub_jump_play_and_speed(runner: Page, address: str):
    opened(runner, address)
    button(runner, "To the end").click()
    assert shown(runner)["step"] == 8
    button(runner, "One step back").click()
    assert shown(runner)["state"] == PATH[7]
    button(runner, "letter 3, b").click()
    assert shown(runner)["state"] == PATH[3]
    slider = runner.get_by_role("slider", name="Step")
    slider.fill("5")
    assert shown(runner)["state"] == PATH[5]
    slider.press("ArrowLeft")
    assert shown(runner)["step"] == 4
    button(runner, "To the beginning").focus()
    runner.keyboard.press("ArrowRight")  # the arrow keys step wherever one stands in the runner
    assert shown(runner)["step"] == 5
    runner.get_by_label("Speed").select_option("4")
    button(runner, "To the beginning").click()
    button(runner, "Play").click()
    expect(button(runner, "Pause")).to_be_visible()
    expect(slider).to_have_value("8", timeout=PATIENCE)
    expect(button(runner, "Play")).to_be_visible()
    expect(runner.get_by_text("script runs 1")).to_be_visible()


def test_a_step_that_the_traces_leave_open_goes_astray_in_sight(runner: Page, address: str):
    opened(runner, address, "break=1")
    button(runner, "letter 3, b").click()
    view = shown(runner)
    assert (view["state"] == "q0") == (view["ghost"] is None)
    expect(runner.get_by_role("status")).to_contain_text("The traces do not determine this step.")
    if view["state"] != "q0":
        assert (view["ghost"], view["astray"]) == ("q0", "b")


def test_rules_in_the_prompt_are_the_tokens(runner: Page, address: str):
    opened(runner, address, "prompt=1")
    button(runner, "letter 3, b").click()
    view = shown(runner)
    assert view["token"] == "q2, b \u2192 q0"
    assert "row q0, column q2,b decides" in view["matrix"]


def test_another_word_starts_again(runner: Page, address: str):
    opened(runner, address)
    button(runner, "To the end").click()
    field = runner.get_by_label("Word", exact=True).first
    field.fill("aba")
    field.press("Enter")
    expect(runner.get_by_text("script runs 2")).to_be_visible(timeout=PATIENCE)
    expect(runner.locator(".letter")).to_have_count(3)
    assert shown(runner)["step"] == 0
    field.fill("")
    field.press("Enter")
    expect(runner.get_by_text("the empty word")).to_be_visible(timeout=PATIENCE)
    expect(runner.get_by_role("status")).to_contain_text("The word is rejected.")
