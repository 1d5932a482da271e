"""My machines in a real browser: kept over a refresh, opened, renamed, deleted, taken along, never silently lost."""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from linattn_core.lab import Lab, TeacherBuild, TraceSpec
from tests.browser.drawing import PATIENCE
from tests.browser.server import settle, stand_still

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

KEY = "linattn-shelf"
HOSTILE = "<script>window.broken = 1</script> \"quoted\" 'x' 🙂"
START = Lab.default()


class Desk:
    """The Build page with its shelf open."""

    def __init__(self, page: Page, address: str, query: str = "") -> None:
        self.page = page
        self.trouble: list[str] = []
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        page.goto(f"{address}/build{query}")
        self.unfold()

    def unfold(self) -> None:
        fold = self.page.locator("details").filter(has_text="My machines")
        expect(fold).to_be_visible()
        for _ in range(6):  # a page that still grows may put a fresh, folded one in its place
            settle(self.page)
            if fold.get_attribute("open") is None:
                fold.locator("summary").click()
            with contextlib.suppress(TimeoutError):
                self.shelf.wait_for(timeout=10_000)
                stand_still(self.page, self.shelf)
                return
        raise AssertionError("the shelf never unfolded")

    @property
    def shelf(self) -> Locator:
        return self.page.get_by_role("region", name="My machines")

    def button(self, name: str) -> Locator:
        return self.shelf.get_by_role("button", name=name, exact=True)

    def names(self) -> list[str]:
        return self.shelf.locator(".shelf-name").all_text_contents()

    def save(self, name: str | None = None) -> None:
        if name is not None:
            self.shelf.get_by_role("textbox", name="Name", exact=True).fill(name)
        self.button("Save what is on the page").click()

    def saved(self, name: str) -> None:
        self.save(name)
        self.says(f"Saved “{name}”.")

    def says(self, text: str) -> None:
        expect(self.shelf.get_by_role("status")).to_contain_text(text)

    def complains(self, text: str) -> None:
        expect(self.shelf.get_by_role("alert").filter(has_text=text)).to_be_visible()

    def kept(self) -> list[dict]:
        return json.loads(self.page.evaluate(f"localStorage.getItem('{KEY}')") or '{"machines": []}')["machines"]

    def put(self, text: str) -> None:
        self.page.evaluate("([key, text]) => localStorage.setItem(key, text)", [KEY, text])

    def lab(self) -> Lab:
        settle(self.page)
        token = re.search(r"lab=([\w-]+)", self.page.url)
        return Lab.from_token(token[1]) if token else Lab.default()

    def until(self, wanted) -> None:
        for _ in range(60):
            if wanted(self.lab()):
                return
            self.page.wait_for_timeout(250)
        raise AssertionError(self.lab())


@pytest.fixture
def desk(page: Page, address: str) -> Iterator[Desk]:
    desk = Desk(page, address)
    yield desk
    assert desk.trouble == []
    assert page.evaluate("window.broken") is None


def sidebar(desk: Desk, name: str) -> Locator:
    return desk.page.get_by_test_id("stSidebar").get_by_role("button", name=name)


def preset(desk: Desk, name: str) -> None:
    desk.page.get_by_role("combobox", name="Preset").click()
    desk.page.get_by_role("option", name=name).click()


def entry(name: str, code: str, saved: str = "2026-01-02T03:04:05.000Z") -> dict:
    return {"name": name, "kind": "automaton", "saved": saved, "code": code}


def shelf_text(*entries: object, version: object = 1) -> str:
    return json.dumps({"format": "linattn shelf", "version": version, "machines": list(entries)})


def test_what_is_saved_is_there_after_a_refresh_opens_whole_and_undo_brings_back_what_was_there(desk: Desk):
    desk.saved("the first")
    assert [(e["name"], e["kind"], e["code"]) for e in desk.kept()] == [
        ("the first", "automaton in the weights, 4 states, 2 letters", START.to_token())
    ]
    desk.page.reload()
    desk.unfold()
    assert desk.names() == ["the first"]
    preset(desk, "turnstile")
    desk.until(lambda lab: lab.machine.name == "turnstile")
    turnstile = desk.lab()
    desk.saved("the second")
    assert desk.names() == ["the second", "the first"]  # newest first
    desk.button("Open the first").click()
    desk.says("Opened “the first”")
    desk.until(lambda lab: lab == START)
    expect(desk.page.locator(".editor .state")).to_have_count(4)
    sidebar(desk, "Undo").click()
    desk.until(lambda lab: lab == turnstile)
    assert desk.names() == ["the second", "the first"]


def test_other_kinds_are_saved_and_opened_too(page: Page, address: str):
    teacher = Lab(build=TeacherBuild(dim=3), traces=TraceSpec(count=4, length=20))
    desk = Desk(page, address, f"?lab={teacher.to_token()}")
    desk.saved("a teacher")
    expect(desk.shelf.get_by_text("random teacher, d = 3")).to_be_visible()
    page.get_by_text("Turing machine", exact=True).click()
    desk.until(lambda lab: lab.turing is not None)
    desk.saved("a beaver")
    desk.button("Open a teacher").click()
    desk.until(lambda lab: lab == teacher)
    desk.button("Open a beaver").click()
    desk.until(lambda lab: lab == Lab.default_turing())


def test_an_equal_name_asks_and_replacing_can_be_taken_back(desk: Desk):
    desk.saved("mine")
    desk.save("mine")
    question = desk.shelf.get_by_role("alertdialog")
    expect(question).to_contain_text("“mine” is on the shelf already.")
    before = desk.kept()
    desk.page.keyboard.press("Escape")
    expect(question).to_be_hidden()
    assert desk.kept() == before
    desk.save("mine")
    question.get_by_role("button", name="Choose another name").click()
    expect(desk.shelf.get_by_role("textbox", name="Name", exact=True)).to_be_focused()
    assert desk.kept() == before
    preset(desk, "turnstile")
    desk.until(lambda lab: lab.machine.name == "turnstile")
    desk.save("mine")
    question.get_by_role("button", name="Replace it").click()
    desk.says("Saved “mine”.")
    assert desk.names() == ["mine"]
    assert Lab.from_token(desk.kept()[0]["code"]).machine.name == "turnstile"
    desk.button("Undo the last change of the shelf").click()
    desk.says("Taken back")
    assert desk.kept() == before


def test_rename_and_delete_with_the_keyboard_alone_and_undo(desk: Desk):
    desk.saved("old")
    desk.saved("other")
    desk.button("Rename old").focus()
    desk.page.keyboard.press("Enter")
    field = desk.shelf.get_by_role("textbox", name="New name for old")
    expect(field).to_be_focused()
    field.fill("other")
    desk.page.keyboard.press("Enter")
    desk.complains("“other” is on the shelf already; choose another name.")
    field.fill("new")
    desk.page.keyboard.press("Enter")
    desk.says("Renamed to “new”.")
    expect(desk.button("Rename new")).to_be_focused()
    desk.page.keyboard.press("Enter")
    desk.page.keyboard.type("never")
    desk.page.keyboard.press("Escape")
    assert desk.names() == ["other", "new"]
    desk.button("Delete new").focus()
    desk.page.keyboard.press("Enter")
    desk.says("Deleted “new”.")
    assert desk.names() == ["other"]
    expect(desk.button("Undo the last change of the shelf")).to_be_focused()
    desk.page.keyboard.press("Enter")
    expect(desk.button("Rename new")).to_be_visible()
    assert desk.names() == ["other", "new"]
    desk.page.reload()
    desk.unfold()
    assert desk.names() == ["other", "new"]


def test_names_are_data(desk: Desk):
    desk.saved(HOSTILE)
    assert desk.names() == [HOSTILE]
    desk.button(f"Open {HOSTILE}").click()
    desk.says(f"Opened “{HOSTILE}”")
    desk.save("   ")
    desk.complains("Give it a name")
    desk.save("x" * 300)
    desk.complains("The name has 300 characters; use at most 80.")
    desk.put(shelf_text(entry("y" * 100_000, START.to_token()), entry(HOSTILE, START.to_token())))
    desk.page.reload()
    desk.unfold()
    assert [len(name) for name in desk.names()] == [81, len(HOSTILE)]
    assert desk.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    desk.button("Open " + "y" * 80 + "…").click()
    desk.says("Opened")


def test_two_tabs_keep_step_and_neither_overwrites_the_other(desk: Desk, address: str):
    desk.saved("from the first tab")
    other = Desk(desk.page.context.new_page(), address)
    assert other.names() == ["from the first tab"]
    other.saved("from the second tab")
    expect(desk.button("Open from the second tab")).to_be_visible()
    assert desk.names() == other.names() == ["from the second tab", "from the first tab"]
    desk.button("Delete from the first tab").click()
    expect(other.button("Open from the first tab")).to_have_count(0)
    other.saved("from the first tab")
    expect(desk.button("Open from the first tab")).to_be_visible()
    desk.button("Undo the last change of the shelf").click()
    desk.says("Taken back")
    assert sorted(desk.names()) == ["from the first tab", "from the first tab 2", "from the second tab"]
    assert other.trouble == []


def test_the_shelf_goes_out_as_a_file_and_comes_into_another_browser(
    desk: Desk, chromium: Browser, address: str, tmp_path
):
    desk.saved("kept")
    desk.saved(HOSTILE)
    with desk.page.expect_download() as saving:
        desk.button("Take along as a file").click()
    assert saving.value.suggested_filename == "my-machines.json"
    file = Path(saving.value.path())
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE)
    other = Desk(context.new_page(), address)
    preset(other, "turnstile")
    other.until(lambda lab: lab.machine.name == "turnstile")
    other.saved("kept")
    chooser = other.shelf.get_by_label("Open a shelf file")
    chooser.set_input_files(file)
    expect(other.shelf.get_by_role("alertdialog")).to_contain_text("On the shelf already, and different: “kept”.")
    other.button("Keep both").click()
    other.says(f"2 of 2 machines came from “{file.name}”.")
    assert sorted(other.names()) == sorted([HOSTILE, "kept", "kept 2"])
    other.button(f"Open {HOSTILE}").click()
    other.until(lambda lab: lab == START)
    before = other.kept()
    for name, text, said in (
        ("lab.json", START.to_json(), "“lab.json” is no file of this shelf."),
        ("cut.json", file.read_text()[:-9], "“cut.json” is no file of this shelf."),
        ("new.json", shelf_text(version=2), "“new.json” was written by a later version of this program; update it."),
        ("big.json", " " * (4 * 2**20 + 1), "more than a shelf may have."),
    ):
        chooser.set_input_files({"name": name, "mimeType": "application/json", "buffer": text.encode()})
        other.complains(said)
    assert other.kept() == before
    assert other.trouble == []
    context.close()


def test_a_broken_altered_foreign_or_future_entry_says_so_and_stays(desk: Desk):
    good = START.to_token()
    altered = good[:12] + ("A" if good[12] != "A" else "B") + good[13:]
    entries = [entry("altered", altered), entry("future", "7" + good[1:]), entry("foreign", "hello"), 7, None]
    desk.put(shelf_text(*entries, {"name": "a stranger", "more": [1]}, entry("good", good)))
    desk.page.reload()
    desk.unfold()
    for name, said in (
        ("altered", "was cut off or altered since it was saved"),
        ("future", "was saved by a later version of this program (7, this one reads 2)"),
        ("foreign", "never was a machine"),
        ("a stranger", "holds nothing"),
    ):
        desk.button(f"Open {name}").click()
        desk.complains(f"“{name}” ")
        desk.complains(said)
        desk.complains("it was not opened and stays on the shelf.")
    assert desk.lab() == START
    desk.saved("one more")
    kept = desk.kept()
    assert len(kept) == 8
    assert all(one in kept for one in [*entries, {"name": "a stranger", "more": [1]}, entry("good", good)])


@pytest.mark.parametrize(
    "text", ["{not json", "[1, 2]", '{"machines": 5}', json.dumps({"format": "other", "machines": []})]
)
def test_an_unreadable_shelf_is_told_and_put_aside_unchanged(desk: Desk, text: str):
    desk.put(text)
    desk.page.reload()
    desk.unfold()
    expect(desk.shelf.get_by_text(re.compile("saving anew puts it aside unchanged"))).to_be_visible()
    with desk.page.expect_download() as saving:
        desk.button("Take along as a file").click()
    assert Path(saving.value.path()).read_text() == text
    desk.saved("new")
    assert desk.names() == ["new"]
    aside = desk.page.evaluate(
        f"Object.keys(localStorage).filter((key) => key.startsWith('{KEY}-unreadable')).map((key) => localStorage[key])"
    )
    assert aside == [text]


def test_a_shelf_of_a_later_version_is_not_changed(desk: Desk):
    text = shelf_text(entry("good", START.to_token()), version=2)
    desk.put(text)
    desk.page.reload()
    desk.unfold()
    desk.save("new")
    desk.complains("written by a later version of this program")
    desk.button("Delete good").click()
    desk.complains("written by a later version of this program")
    assert desk.page.evaluate(f"localStorage.getItem('{KEY}')") == text


def test_a_full_storage_is_one_sentence_and_loses_nothing(desk: Desk):
    desk.saved("kept")
    before = desk.kept()
    desk.page.evaluate(
        """() => {
            let size = 1 << 20;
            let text = "x".repeat(size);
            for (let n = 0; size > 0; n += 1) {
                try { localStorage.setItem("filler" + n, text); } catch { size >>= 1; text = text.slice(0, size); }
            }
        }"""
    )
    desk.save("too much")
    desk.complains("The browser's storage is full, so “too much” was not changed")
    assert desk.kept() == before
    assert desk.names() == ["kept"]


def test_without_storage_the_shelf_lasts_for_the_page_and_says_so(page: Page, address: str):
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })"
    )
    desk = Desk(page, address)
    desk.complains("This browser keeps nothing for this page")
    desk.saved("for now")
    assert desk.names() == ["for now"]
    with page.expect_download() as saving:
        desk.button("Take along as a file").click()
    assert json.loads(Path(saving.value.path()).read_text())["machines"][0]["name"] == "for now"


def test_an_unfinished_drawing_is_not_part_of_what_is_saved_and_that_is_said(desk: Desk):
    desk.page.get_by_role("button", name="edge from q0 to itself on b", exact=True).focus()
    desk.page.keyboard.press("Delete")
    expect(desk.page.get_by_text("The drawing is not finished.")).to_be_visible()
    desk.save("half")
    desk.says("The drawing is unfinished; what was saved is its last finished machine, “contains aba”.")
    desk.button("Open half").click()
    expect(desk.page.get_by_text("The drawing is not finished.")).to_have_count(0)
    expect(desk.page.get_by_role("button", name="edge from q0 to itself on b", exact=True)).to_be_visible()
    assert desk.lab() == START


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_shelf_fits_a_phone(chromium: Browser, address: str, scheme):
    context = chromium.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE)
    desk = Desk(context.new_page(), address)
    desk.saved("a rather long name of a machine, as people give them 🙂")
    assert desk.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for name in ("Save what is on the page", "Take along as a file"):
        assert desk.button(name).bounding_box()["height"] >= 44
    context.close()
