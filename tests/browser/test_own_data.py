"""A user's own data in a real browser: keys grow alike and answers mix; sequences come in, are learned, inspected."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from linattn_core.experiment import experiment
from linattn_core.lab import Lab, MemoryBuild, SequencesBuild, TraceSpec
from linattn_core.sequences import Sequences
from linattn_core.uploads import example_sequences, read_sequences, write_sequences_npz
from tests.browser.server import PATIENCE, edit_cell, settle

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

WORDS = (("apple", "red"), ("sky", "blue"), ("grass", "green"), ("rose", "red"))
ROWS = (((1.0, 0.0), (1.0,)), ((0.0, 1.0), (-1.0,)))


def metric(page: Page, label: str) -> str:
    box = page.get_by_test_id("stMetric").filter(has=page.get_by_text(label, exact=True))
    return box.get_by_test_id("stMetricValue").inner_text()


def test_keys_grow_alike_and_the_interference_becomes_visible(page: Page, address: str):
    lab = Lab(build=MemoryBuild(table=WORDS), traces=TraceSpec(count=100))
    page.goto(f"{address}/build?lab={lab.to_token()}")
    expect(page.get_by_text("These keys do not interfere")).to_be_visible()
    settle(page)
    assert metric(page, "Plain, right") == "4 of 4"
    expect(page.get_by_text("The plain memory's answers")).to_be_visible()
    slider = page.get_by_role("slider", name="How alike the keys are")
    slider.focus()
    slider.press("End")
    expect(page.get_by_text("At a mean overlap of 0.99")).to_be_visible()
    expect(page.get_by_text("The learned layer undoes the interference")).to_be_visible()
    settle(page)
    alike = lab.replace(build=lab.build.replace(correlation=0.99))
    found = experiment(alike).retrieval
    assert metric(page, "Plain, right") == f"{found.plain_right.sum()} of 4" == "2 of 4"
    assert metric(page, "Learned, right") == "4 of 4"
    written = "".join(page.locator('[data-testid="stPlotlyChart"]').nth(1).locator("text").all_text_contents())
    assert written.count("✓") == 2
    assert written.count("✗") == 2
    page.reload()
    expect(page.get_by_text("At a mean overlap of 0.99")).to_be_visible()


def test_a_vector_is_typed_into_the_table_and_followed(page: Page, address: str):
    lab = Lab(build=MemoryBuild(vectors=ROWS), traces=TraceSpec(count=60))
    page.goto(f"{address}/build?lab={lab.to_token()}")
    expect(page.get_by_text("These keys do not interfere")).to_be_visible()
    sheet = page.locator('[data-testid="stDataFrame"] canvas').first
    edit_cell(page, sheet, (150, 52), ("ArrowRight", "ArrowRight"), "3")  # the value of the first row was 1
    expect(page.get_by_text("two values are at most 4 apart")).to_be_visible()
    edit_cell(page, sheet, (150, 88), (), "0.5")  # key 1 of the second row was 0
    expect(page.get_by_text("The learned layer undoes the interference")).to_be_visible()
    edit_cell(page, sheet, (150, 52), (), "0")
    expect(page.get_by_text("The key of row 1 is zero")).to_be_visible()
    expect(page.get_by_text("The learned layer undoes the interference")).to_be_visible()


def test_own_sequences_are_opened_learned_and_inspected(page: Page, address: str, tmp_path: Path):
    data = example_sequences()
    following = Sequences.build(data.tokens, np.empty((len(data.tokens), 0)), data.lengths)
    file = tmp_path / "mine.npz"
    file.write_bytes(write_sequences_npz(following))
    page.goto(f"{address}/build")
    page.get_by_role("radio", name="My own sequences").click()
    expect(page.get_by_text("Learning from worked example")).to_be_visible()
    settle(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="example.csv").click()
    assert read_sequences(Path(download.value.path()).read_bytes(), "example.csv") == data
    settle(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="example.npz").click()
    assert read_sequences(Path(download.value.path()).read_bytes(), "example.npz") == data
    page.get_by_test_id("stMain").locator('input[type="file"]').first.set_input_files(file)
    expect(page.get_by_text("Learning from mine.npz")).to_be_visible()
    expect(page.get_by_text("so the next token is predicted")).to_be_visible()
    settle(page)
    broken = tmp_path / "broken.npz"
    broken.write_bytes(file.read_bytes()[:-40])
    page.get_by_test_id("stMain").locator('input[type="file"]').first.set_input_files(broken)
    expect(page.get_by_text("The .npz file is broken")).to_be_visible()
    expect(page.get_by_text("Learning from mine.npz")).to_be_visible()
    settle(page)
    lab = Lab(build=SequencesBuild(name="mine.npz", data=following), traces=TraceSpec(count=len(following)))
    result = experiment(lab)
    page.get_by_role("link", name="Learn", exact=True).click()
    expect(page.get_by_text("Held-out error", exact=True)).to_be_visible()
    settle(page)
    assert metric(page, "Held-out error") == f"{result.fit.held_out_mse:.4g}"
    assert metric(page, "Targets' variance") == f"{result.fit.variance:.4g}"
    page.get_by_role("link", name="Inspect", exact=True).click()
    expect(page.get_by_text(re.compile(f"^Head 1 of {result.run.model.heads};"))).to_be_visible()
    page.get_by_role("link", name="Certify", exact=True).click()
    expect(page.get_by_text("No family of legal inputs is known")).to_be_visible()
    settle(page)
    assert page.locator('[data-testid="stException"]').count() == 0
    page.reload()
    expect(page.get_by_text("No family of legal inputs is known")).to_be_visible()


def test_data_too_large_for_the_address_survive_a_refresh_and_travel_as_a_file(
    page: Page, address: str, chromium: Browser, tmp_path: Path
):
    rng = np.random.default_rng(0)
    data = Sequences.build(rng.normal(size=(3_000, 4)), rng.normal(size=(3_000, 1)), [30] * 100)
    file = tmp_path / "large.npz"
    file.write_bytes(write_sequences_npz(data))
    start = Lab(build=SequencesBuild(data=example_sequences()), traces=TraceSpec(count=24))
    page.goto(f"{address}/build?lab={start.to_token()}")
    expect(page.get_by_text("Learning from sequences")).to_be_visible()
    settle(page)
    page.get_by_test_id("stMain").locator('input[type="file"]').first.set_input_files(file)
    expect(page.get_by_text("Learning from large.npz")).to_be_visible()
    settle(page)
    assert len(page.url) < 400
    page.reload()
    expect(page.get_by_text("Learning from large.npz")).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Share or save").click()
    expect(page.get_by_text("This link carries everything but your data")).to_be_visible()
    settle(page)  # the popover is still on its way when its text is there: a click would miss
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a file").click()
    saved = Path(download.value.path()).read_text()
    assert Lab.from_toml(saved).build.data == data
    elsewhere = tmp_path / "lab.toml"
    elsewhere.write_text(Lab.from_toml(saved).to_toml())
    other = chromium.new_context().new_page()
    other.goto(address)
    expect(other.get_by_text("Green: proved for every input")).to_be_visible()
    settle(other)
    other.get_by_role("button", name="Share or save").click()
    other.locator('[data-testid="stPopoverBody"] input[type="file"]').set_input_files(elsewhere)
    expect(other.get_by_text("own sequences").first).to_be_visible()
    other.context.close()
