"""How a page gets a result: at once when it is known or quick, with progress and a cancel button when it is not."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any, TypeVar

import streamlit as st

from linattn_core.errors import Cancelled, LinattnError
from linattn_core.experiment import Experiment, experiment
from linattn_core.lab import AutomatonBuild, Lab
from linattn_core.tasks import StepAutomaton
from pages.shared import state
from pages.shared.jobs import Job, JobPool, Work
from pages.shared.widgets import literal

R = TypeVar("R")

PATIENCE = 0.4  # seconds a page waits before it shows a progress bar: shorter jobs come without a flicker


@st.cache_resource(show_spinner=False)
def pool() -> JobPool:
    """The one job pool of this server."""
    return JobPool(weigh=_bytes)


def _bytes(result: Any) -> int:
    return result.bytes if isinstance(result, Experiment) else 0


def start(lab: Lab, viewer: str) -> Job:
    """Begin the experiment of `lab` unless it is known or running."""
    return pool().submit(essence(lab), lambda progress: experiment(lab, progress=progress), viewer)


def of_lab() -> Experiment:
    """The experiment of this session's lab; stops the page, with a progress bar or the reason, until it is there."""
    lab = state.lab()
    return obtain(lab, lambda progress: experiment(lab, progress=progress), "Learning")


def essence(key: Hashable) -> Hashable:
    """The key without the places of states in it: dragging a state is no reason to learn again."""
    if isinstance(key, Lab | AutomatonBuild):
        return key.without_positions()
    return tuple(map(essence, key)) if type(key) is tuple else key


def placed(result: Experiment, lab: Lab) -> Experiment:
    """The same result with the states where `lab` has them; `lab` differs from the result's own in places at most."""
    machine, recovery = lab.machine, result.recovery
    if result.lab == lab or machine is None or recovery is None:
        return result
    task = StepAutomaton(machine) if isinstance(result.task, StepAutomaton) else result.task
    automaton = replace(recovery.automaton, positions=machine.positions)
    return replace(result, lab=lab, task=task, recovery=replace(recovery, truth=machine, automaton=automaton))


def obtain(key: Hashable, work: Work, title: str) -> Any:
    """The result of `work`, computed once per `key` for the whole server; stops the page until it is there.

    Keys that differ only in where states stand share a result; an experiment comes back with the places of its `key`.
    """
    found = _obtain(essence(key), work, title)
    return placed(found, key) if isinstance(found, Experiment) and isinstance(key, Lab) else found


def call(title: str, work: Callable[..., R], *arguments: Hashable) -> R:
    """The result of ``work(*arguments, progress=...)``, computed once for the whole server: the key IS the call."""
    found: R = obtain((work, *arguments), lambda progress: work(*arguments, progress=progress), title)
    return found


def _obtain(key: Hashable, work: Work, title: str) -> Any:
    if st.session_state.get("cancelled") == key:
        _offer_again()
    job = pool().submit(key, work, state.viewer())
    fresh = st.session_state.get("awaited") != job.serial
    st.session_state.awaited = job.serial
    if not job.wait(PATIENCE if fresh else 0.0):
        _watch(job, title)
        st.stop()
    try:
        return job.result()
    except Cancelled:
        _offer_again()
    except LinattnError as error:
        st.error(literal(str(error)), title="This lab cannot be learned as it is", icon=":material/error:")
        st.button("Undo the last change", on_click=state.undo, icon=":material/undo:", key="undo_after_error")
        st.stop()


@st.fragment(run_every=0.5)
def _watch(job: Job, title: str) -> None:
    """Looks twice a second; every look is a sign of life, so a closed tab frees its place in the queue."""
    if job.done():
        st.rerun()
    job.watch(state.viewer())
    before = pool().ahead(job)
    words = f"waiting, {before} before you" if before else job.words
    st.progress(job.fraction, text=f"{title}: {words}")
    st.button("Cancel", on_click=_cancel, args=(job,), icon=":material/stop_circle:", key="cancel_job")


def _cancel(job: Job) -> None:
    job.leave(state.viewer())
    st.session_state.cancelled = job.key


def _offer_again() -> None:
    st.info("You cancelled this run; nothing was changed.", icon=":material/stop_circle:")
    st.button("Run it", on_click=_again, icon=":material/play_arrow:", type="primary", key="run_again")
    st.stop()


def _again() -> None:
    st.session_state.cancelled = None


def known(lab: Lab) -> bool:
    """Whether the experiment of `lab` is there already, or running."""
    return pool().knows(essence(lab))
