"""What a person does, in a real browser: look, break, cure, edit, share, go back; and nothing else goes on behind."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from linattn_core.figures import DARK, LIGHT
from linattn_core.lab import Lab, TeacherBuild, TraceSpec
from tests.browser.screenshots import PAGES
from tests.browser.server import PATIENCE, edit_cell, server, settle

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


def edges(page: Page, panel: str) -> list[tuple[str, str]]:
    """(edge, label) for every labelled edge of the diagram in the panel headed `panel`."""
    found = page.evaluate(
        """(panel) => {
            const title = [...document.querySelectorAll('h6')].find((h) => h.textContent.includes(panel));
            const chart = [...document.querySelectorAll('[data-testid="stGraphVizChart"]')].find(
                (c) => title.compareDocumentPosition(c) & Node.DOCUMENT_POSITION_FOLLOWING);
            return [...chart.querySelectorAll('g.edge')].map((e) => [
                e.querySelector('title').textContent, e.querySelector('text')?.textContent ?? '']);
        }""",
        panel,
    )
    return sorted((edge, text) for edge, text in found if text)


def test_the_root_shows_the_recovered_automaton_with_no_click(page: Page, address: str):
    page.goto(address)
    expect(page.get_by_text("Green: proved for every input")).to_be_visible()
    settle(page)
    true, recovered = edges(page, "1 · True automaton"), edges(page, "4 · Recovered automaton")
    assert len(true) == 7  # eight transitions, two of which share an arrow
    assert recovered == true


def test_break_it_then_cure_it(page: Page, address: str):
    page.goto(address)
    page.get_by_role("button", name="Break it").click()
    expect(page.get_by_text("Amber: 1 direction not determined")).to_be_visible()
    expect(page.get_by_text("no trace visits state q2 on letter b")).to_be_visible()
    expect(page.get_by_text("The twin: equal training error, different automaton")).to_be_visible()
    settle(page)
    open_edges = [text for _, text in edges(page, "4 · Recovered automaton") if "?" in text]
    assert open_edges == ["b ?"]
    assert edges(page, "The learned transformer") != edges(page, "Its twin")
    page.get_by_role("button", name="Add the trace that cures it").click()
    expect(page.get_by_text("Green: proved for every input")).to_be_visible()
    settle(page)
    assert edges(page, "4 · Recovered automaton") == edges(page, "1 · True automaton")
    expect(page.get_by_text("The twin: equal training error")).to_have_count(0)


def test_editing_a_transition_is_followed_by_the_recovered_automaton(page: Page, address: str):
    page.goto(f"{address}/build")
    settle(page)
    before = edges(page, "Recovered from the weights")
    assert ("s0->s1", "a") in before
    sheet = page.locator('[data-testid="stDataFrame"] canvas').first
    edit_cell(page, sheet, (60, 52), ("ArrowRight",), "q2")  # from the name of the first state to its next on a
    expect(
        page.locator('[data-testid="stGraphVizChart"] g.edge title').filter(has_text="s0->s2").first
    ).to_be_attached()
    settle(page)
    after = edges(page, "Recovered from the weights")
    assert ("s0->s2", "a") in after
    assert ("s0->s1", "a") not in after
    page.get_by_test_id("stSidebar").get_by_role("button", name="Undo").click()
    expect(
        page.locator('[data-testid="stGraphVizChart"] g.edge title').filter(has_text="s0->s1").first
    ).to_be_attached()
    settle(page)
    assert edges(page, "Recovered from the weights") == before


def test_a_share_link_shows_the_same_numbers_elsewhere(page: Page, address: str, chromium: Browser):
    page.goto(f"{address}/learn")
    settle(page)
    page.get_by_label("Ridge", exact=True).fill("0.25")
    page.get_by_label("Ridge", exact=True).press("Enter")
    expect(page).to_have_url(re.compile("lab="))
    settle(page)
    numbers = page.locator('[data-testid="stMetricValue"]').all_text_contents()
    link = page.url
    assert "6.73e-32" not in numbers
    other = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    other.goto(link)
    settle(other)
    same = other.locator('[data-testid="stMetricValue"]').all_text_contents()
    timed = {4, 9}  # estimated work and seconds taken are this run's own
    assert [n for k, n in enumerate(numbers) if k not in timed] == [n for k, n in enumerate(same) if k not in timed]
    other.context.close()


def test_a_refresh_and_a_page_switch_lose_nothing(page: Page, address: str):
    page.goto(address)
    page.get_by_role("button", name="Break it").click()
    expect(page.get_by_text("Amber: 1 direction")).to_be_visible()
    settle(page)
    page.reload()
    expect(page.get_by_text("Amber: 1 direction")).to_be_visible()
    page.get_by_role("link", name="Certify").click()
    expect(page.get_by_text("Amber: 1 direction")).to_be_visible()
    expect(page).to_have_url(re.compile("/certify.*lab="))
    page.reload()
    expect(page.get_by_text("Amber: 1 direction")).to_be_visible()


def test_back_in_the_browser_is_an_undo(page: Page, address: str):
    page.goto(address)
    settle(page)
    page.get_by_role("button", name="Break it").click()
    expect(page.get_by_text("Amber: 1 direction")).to_be_visible()
    settle(page)
    page.wait_for_timeout(2100)  # an older address within two seconds of a change counts as the echo of a slow browser
    page.go_back()
    expect(page.get_by_text("Green: proved for every input")).to_be_visible()


@pytest.mark.parametrize("name", ["build", "certify"])
def test_a_share_link_to_a_page_works_as_the_first_request_of_a_server(page: Page, name):
    token = Lab.default().replace(traces=TraceSpec(count=3, length=2)).to_token()
    with server() as fresh:
        page.goto(f"{fresh}/{name}?lab={token}")
        expect(page.get_by_text("3 words")).to_be_visible()
        expect(page.get_by_text("Amber")).to_be_visible()
        settle(page)
        assert page.locator('[data-testid="stException"]').count() == 0
        expect(page.get_by_role("link", name="Inspect")).to_be_visible()


def test_a_broken_link_says_so_and_shows_a_working_lab(page: Page, address: str):
    page.goto(f"{address}/?lab=1-AAAA")
    expect(page.get_by_text("The share link was cut off; copy it again, whole.")).to_be_visible()
    expect(page.get_by_text("Green: proved for every input")).to_be_visible()


@pytest.mark.parametrize("size", [30_000, 600_000, 1_000_000])
def test_a_link_of_any_length_is_answered_by_a_sentence(page: Page, address: str, size: int):
    page.goto(f"{address}/build?lab=1-{'A' * size}")
    expect(page.get_by_text("characters; at most 20,000 are read, so check it.")).to_be_visible()
    if size > 60_000:  # such a request never reaches the app
        page.get_by_role("link", name="Open the worked example").click()
    expect(page.get_by_text("YOUR LAB")).to_be_visible()


def test_a_megabyte_pasted_as_a_lab_code_is_answered_and_the_lab_stays(page: Page, address: str):
    token = Lab.default().replace(traces=TraceSpec(count=3, length=2)).to_token()
    page.goto(f"{address}/?lab={token}")
    settle(page)
    page.get_by_role("button", name="Share or save").click()
    field = page.get_by_role("textbox", name="Lab code")
    field.fill("1-" + "A" * 1_000_000)
    field.press("Enter")
    expect(page.get_by_text("The share link has 1,000,002 characters; at most 20,000 are read")).to_be_visible()
    expect(page.get_by_text("Your lab is unchanged.")).to_be_visible()
    settle(page)
    expect(page).to_have_url(re.compile(f"{token}$"))
    page.reload()
    expect(page.get_by_text("3 words")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_tour_asks_no_other_server_and_logs_no_error(chromium: Browser, address: str, scheme):
    context = chromium.new_context(color_scheme=scheme)
    page = context.new_page()
    foreign, errors = [], []
    page.on(
        "request", lambda r: foreign.append(r.url) if not r.url.startswith((address, "data:", "blob:", "ws:")) else 0
    )
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else 0)
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.goto(address)
    for name in PAGES:
        page.get_by_role("link", name=name.capitalize(), exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        settle(page)
        assert page.locator('[data-testid="stException"]').count() == 0
    context.close()
    assert foreign == []
    assert errors == []


def test_a_long_run_can_be_cancelled_and_run_again(page: Page, address: str):
    heavy = Lab(build=TeacherBuild(dim=20), traces=TraceSpec(count=4000, length=100))
    page.goto(f"{address}/inspect?lab={heavy.to_token()}")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("You cancelled this run")).to_be_visible()
    expect(page.get_by_role("button", name="Run it")).to_be_visible()
    page.get_by_role("button", name="Run it").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("You cancelled this run")).to_be_visible()
    page.get_by_role("link", name="Start").click()
    page.get_by_role("button", name="Show the worked example").click()
    expect(page.get_by_text("Green: proved for every input")).to_be_visible()


def test_switching_to_the_dark_theme_redraws_the_diagrams_at_once(page: Page, address: str):
    page.goto(address)
    settle(page)
    outline = page.locator('[data-testid="stGraphVizChart"] g.node ellipse').first
    expect(outline).to_have_attribute("stroke", LIGHT.ink)
    page.get_by_test_id("stMainMenuButton").click()
    page.locator("text=/^.*Dark$/").last.click()
    expect(outline).to_have_attribute("stroke", DARK.ink)
