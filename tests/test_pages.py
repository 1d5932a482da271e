"""Every page in process: no exception, the numbers that were computed, errors next to where they were made."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from linattn_core.experiment import experiment
from linattn_core.lab import AutomatonBuild, Lab, MemoryBuild, TeacherBuild, TraceSpec
from linattn_core.machines import Machine, presets
from pages.shared import frame

MAIN = Path(__file__).resolve().parent.parent / "pages" / "main.py"
PATH = ("start", "build", "traces", "learn", "inspect", "certify", "about")  # the pages of one lab's path

STEP = Lab.default()
BROKEN = STEP.replace(traces=STEP.traces.replace(withheld=(("q2", "b"),)))
PROMPT = Lab(
    build=AutomatonBuild(machine=presets()["parity: an even number of 1s"], encoding="universal"),
    traces=TraceSpec(count=60),
)
LABS = {
    "step": STEP,
    "broken": BROKEN,
    "noisy": STEP.replace(traces=STEP.traces.replace(noise=0.3)),
    "prompt": PROMPT,
    "vectors": Lab(build=MemoryBuild(dim=2), traces=TraceSpec(count=200)),
    "words": Lab(build=MemoryBuild(table=(("sky", "blue"), ("grass", "green"))), traces=TraceSpec(count=60)),
    "teacher": Lab(build=TeacherBuild(dim=3, heads=2), traces=TraceSpec(count=4, length=20)),
}
HOSTILE = ("![x](http://evil.example/a.png)", "<script>alert(1)</script>", 'q"\\N', "🙂 :red[x] $a$", "[a](http://b.c)")


def settled(app: AppTest) -> AppTest:
    """The app after its run; again while a job is still under way (its fragment polls only in a browser)."""
    deadline = time.monotonic() + 60
    while any(button.key == "cancel_job" for button in app.button):
        assert time.monotonic() < deadline, "a job did not end"
        time.sleep(0.05)
        app.run()
    return app


def opened(lab: Lab | None = None, page: str = "start", theme: str = "light") -> AppTest:
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    app.context = {"theme": theme, "url": "http://localhost:8501/"}
    if lab is not None:
        app.query_params["lab"] = lab.to_token()
    settled(app.run())
    if page != "start":
        settled(app.switch_page(f"{page}.py").run())
    return app


def texts(app: AppTest) -> str:
    kinds = ("markdown", "caption", "title", "success", "warning", "error", "info", "metric", "subheader")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


def current(app: AppTest) -> Lab:
    return app.session_state["current"]


@pytest.mark.slow
@pytest.mark.parametrize("page", PATH)
@pytest.mark.parametrize("name", LABS)
def test_every_page_shows_every_kind_of_lab(page: str, name: str):
    app = opened(LABS[name], page)
    assert not app.exception
    assert not app.error or name == "noisy"  # noise may turn the light red; nothing else is an error
    assert current(app) == LABS[name]
    assert len(app.title) == 1


@pytest.mark.parametrize("page", PATH)
def test_every_page_says_what_to_notice_and_is_drawn_in_the_dark(page: str):
    app = opened(STEP, page, theme="dark")
    assert not app.exception
    assert "Notice:" in texts(app)


@pytest.mark.parametrize("page", [page for page in PATH if page != "about"])
def test_the_code_of_every_page_runs_and_names_this_lab(page: str):
    app = opened(BROKEN, page)
    drawers = [code.value for code in app.code if "linattn_core" in code.value]
    assert drawers
    for drawer in drawers:
        assert BROKEN.to_token() in drawer
        assert len(drawer.strip().splitlines()) <= 10
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(drawer, {})
        assert printed.getvalue().strip()


def test_the_learn_page_shows_the_numbers_the_library_computes():
    app = opened(LABS["noisy"], "learn")
    run = experiment(LABS["noisy"]).run
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Training error"] == f"{run.training_mse:.2e}"
    assert shown["R²"] == f"{run.r2:.6f}"
    assert shown["Rank"] == f"{run.certificate.rank:,} of {run.certificate.feature_count:,}"
    assert shown["Examples"] == "480"


def test_break_it_and_cure_it():
    app = opened()
    assert [box.value for box in app.success]
    assert not app.warning
    settled(app.button(key="break").click().run())
    assert "no trace visits state q2 on letter b" in app.warning[0].value
    assert "The twin" in texts(app)
    assert current(app).traces.withheld == (("q2", "b"),)
    settled(app.button(key="cure").click().run())
    assert app.success
    assert not app.warning
    assert "The twin" not in texts(app)
    assert current(app).traces.extra == (("q2", "b"),)


def test_the_twin_really_has_the_same_training_error_and_another_automaton():
    app = opened(BROKEN)
    result = experiment(BROKEN)
    edge = next(e for e in result.recovery.edges if e.kind == "undetermined")
    shown = [m.value for m in app.markdown if "training error" in m.value and "it answers" in m.value]
    assert len(shown) == 2
    assert len({text.rpartition("answers ")[2] for text in shown}) == 2
    assert result.evidence.twins.twin_loss == pytest.approx(result.run.training_mse, abs=1e-20)
    other = next(s for s in result.lab.machine.states if s not in (edge.true, edge.learned))
    assert result.run.loss(result.twin((edge.state, edge.letter), other)) == pytest.approx(
        result.run.training_mse, abs=1e-20
    )


def test_undo_and_redo_walk_through_the_changes():
    app = opened()
    settled(app.button(key="break").click().run())
    settled(app.button(key="cure").click().run())
    settled(app.button(key="undo").click().run())
    assert current(app).traces.extra == ()
    settled(app.button(key="undo").click().run())
    assert current(app) == STEP
    assert app.button(key="undo").disabled
    settled(app.button(key="redo").click().run())
    assert current(app).traces.withheld == (("q2", "b"),)


def test_the_address_carries_the_lab_through_page_switches():
    app = opened()
    assert "lab" not in app.query_params
    settled(app.button(key="break").click().run())
    token = current(app).to_token()
    assert app.query_params["lab"] == token
    for page in PATH[1:]:
        settled(app.switch_page(f"{page}.py").run())
        assert current(app).to_token() == token
        assert app.query_params["lab"] == token


GOOD = BROKEN.to_token()
BAD_LINKS = {
    "empty code": "1-",
    "no version": "hello",
    "cut off": GOOD[:-7],
    "altered": GOOD[:10] + ("A" if GOOD[10] != "A" else "B") + GOOD[11:],
    "from the future": "7" + GOOD[1:],
    "foreign characters": GOOD[:6] + "%%%" + GOOD[6:],
    "half a megabyte": "1-" + "A" * 500_000,
}


@pytest.mark.parametrize("name", BAD_LINKS)
@pytest.mark.parametrize("page", ["start", "certify"])
def test_a_link_that_cannot_be_read_gives_one_sentence_and_a_working_lab(name: str, page: str):
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    app.query_params["lab"] = BAD_LINKS[name]
    settled(app.run())
    if page != "start":
        settled(app.switch_page(f"{page}.py").run())
    assert not app.exception
    assert current(app) == STEP
    told = [box.value for box in app.warning if "share link" in box.value]
    assert len(told) == 1
    assert "The worked example is shown instead" in told[0]
    assert app.success


def test_a_link_of_a_megabyte_is_ignored_by_the_server_itself():
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    app.query_params["lab"] = "1-" + "A" * 1_000_000
    settled(app.run())
    assert not app.exception
    assert current(app) == STEP
    assert app.success


def test_a_bad_code_pasted_later_keeps_the_lab_of_the_session():
    app = opened()
    settled(app.button(key="break").click().run())
    app.session_state["changed_at"] = 0.0  # long after the change
    settled(app.text_input(key="lab").set_value("1-nonsense").run())
    assert not app.exception
    assert current(app) == BROKEN
    assert any("Your lab is unchanged" in box.value for box in app.warning)


def test_a_whole_share_link_can_be_pasted():
    app = opened()
    link = f"https://example.org/certify?lab={PROMPT.to_token()}"
    settled(app.text_input(key="lab").set_value(link).run())
    assert current(app) == PROMPT


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("lab.toml", b"version = 1", "no entry"),
        ("lab.toml", b"\xff\xfe\x00", "not UTF-8 text"),
        ("lab.json", b"[1, 2", "JSON"),
        ("lab.toml", b"a" * 600_000, "at most 524,288"),
        ("lab.toml", b"a" * 5_000_000, "more than"),
    ],
)
def test_a_file_that_is_no_lab_is_refused_in_one_sentence(name: str, data: bytes, said: str):
    with pytest.raises(ValueError, match=said):
        frame.read_file(name, data)


def test_a_saved_lab_opens_again():
    for name, text in (("x.toml", BROKEN.to_toml()), ("x.json", BROKEN.to_json())):
        assert frame.read_file(name, text.encode()).lab == BROKEN


@pytest.mark.slow
def test_hostile_labels_stay_text_on_every_page():
    machine = Machine(
        name=HOSTILE[0],
        states=HOSTILE,
        alphabet=("<b>", "![y](http://evil.example)"),
        transitions=tuple(((k + 1) % 5, 0) for k in range(5)),
        accepting=(1,),
    )
    lab = Lab(
        build=AutomatonBuild(machine=machine),
        traces=TraceSpec(count=20, withheld=((HOSTILE[2], "<b>"),)),
    )
    for page in PATH:
        app = opened(lab, page)
        assert not app.exception
        shown = [*app.markdown, *app.caption, *app.warning, *app.success, *app.error, *app.info]
        labels = [widget.label for kind in ("button", "metric", "checkbox") for widget in app.get(kind)]
        for text in [*(str(element.value) for element in shown), *map(str, labels)]:
            assert "![" not in text
            assert "](http" not in text or "arxiv.org" in text
            assert "<script" not in text.replace("\\<", "")


def change(app: AppTest, edit: Callable[[AppTest], object]) -> AppTest:
    edit(app)
    return settled(app.run())


@pytest.mark.parametrize(
    ("page", "edit", "said"),
    [
        ("build", lambda app: app.text_input(key="regex").set_value("(a|b"), "parenthes"),
        ("build", lambda app: app.text_input(key="regex").set_value("(a|b)*a(a|b){14}"), "regular expression"),
        ("build", lambda app: app.text_input(key="regex").set_value("a{99999}"), "regular expression"),
        ("build", lambda app: app.text_input(key="letters").set_value(""), "alphabet"),
        ("build", lambda app: app.text_input(key="letters").set_value("a a"), "twice"),
    ],
)
def test_a_refused_change_says_why_and_loses_nothing(page: str, edit: Callable[[AppTest], object], said: str):
    app = change(opened(BROKEN, page), edit)
    assert not app.exception
    assert said in "\n".join(box.value for box in app.error)
    assert current(app) == BROKEN


def test_traces_that_would_not_fit_are_refused_before_anything_is_made():
    app = opened(STEP, "traces")
    app.number_input(key="trace_count").set_value(200_000)
    app.number_input(key="trace_length").set_value(10_000)
    settled(app.run())
    assert "at most" in "\n".join(box.value for box in app.error)
    assert current(app).traces.length == 12


def test_leaving_out_every_transition_says_so_and_offers_the_way_back():
    everything = tuple((s, x) for s in STEP.machine.states for x in STEP.machine.alphabet)
    app = opened(STEP.replace(traces=STEP.traces.replace(withheld=everything)))
    assert not app.exception
    assert app.error
    assert app.button(key="undo_after_error")


@pytest.mark.parametrize("name", list(presets()))
def test_every_preset_can_be_chosen_and_comes_back_from_the_weights(name: str):
    app = change(opened(page="build"), lambda a: a.selectbox(key="preset").select(name))
    assert not app.exception
    assert current(app).machine == presets()[name]
    result = experiment(current(app))
    assert (len(app.success) == 1) == (result.family.holds and result.recovery.equivalent)


def test_switching_the_kind_and_back_brings_the_machine_back():
    app = change(opened(BROKEN, "build"), lambda a: a.segmented_control(key="build_kind").set_value("memory"))
    assert isinstance(current(app).build, MemoryBuild)
    change(app, lambda a: a.segmented_control(key="build_kind").set_value("automaton"))
    assert current(app) == BROKEN


def test_putting_the_automaton_into_the_prompt_brings_enough_traces():
    app = change(opened(page="build"), lambda a: a.segmented_control(key="encoding").set_value("universal"))
    assert not app.exception
    assert current(app).build.encoding == "universal"
    assert app.success


def test_counts_on_the_traces_page_are_the_traces():
    app = opened(STEP, "traces")
    table = app.dataframe[0].value
    assert len(table) == STEP.traces.count
    first = table.iloc[0]
    assert " → ".join(STEP.machine.path(first["word"].split())) == first["states on the way"]
    assert first["accepted"] == STEP.machine.accepts(first["word"].split())


def test_views_count_visits_and_eigenvalues_right():
    from linattn_core.features import feature_rows
    from linattn_core.figures import views

    result = experiment(STEP)
    counted = views.visits(result.task, result.traces)
    assert counted.sum() == len(result.traces)
    rows = feature_rows(result.traces).toarray()
    direct = np.linalg.eigvalsh(rows.T @ rows / len(rows))[::-1]
    values, more = views.eigenvalues(result.run.certificate)
    assert more == 0
    np.testing.assert_allclose(values, direct[: len(values)], rtol=1e-9)
    sizes = views.head_sizes(result.run.model)
    unfolded = sum(np.outer(V.ravel(), Q.ravel()) for V, Q in zip(result.run.model.V, result.run.model.Q, strict=True))
    np.testing.assert_allclose(sizes, np.linalg.svd(unfolded, compute_uv=False)[: len(sizes)], atol=1e-12)


def test_the_first_page_needs_neither_torch_nor_scikit_learn():
    probe = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(MAIN)!r}, default_timeout=120).run()\n"
        "assert not app.exception, app.exception\n"
        "print('loaded:', sorted({'torch', 'sklearn', 'jax'} & set(sys.modules)))\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=MAIN.parent.parent, timeout=300
    )
    assert "loaded: []" in out.stdout


def test_every_page_file_is_thin_and_without_mathematics():
    for path in MAIN.parent.glob("*.py"):
        source = path.read_text()
        assert len(source.splitlines()) <= 80, path
        assert "numpy" not in source
        assert "scipy" not in source
