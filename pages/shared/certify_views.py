"""The Certify page's parts: sizes, null spaces, spectrum, ambiguity per transition, the next trace."""

from __future__ import annotations

import numpy as np
import streamlit as st

from linattn_core import figures
from linattn_core.certificates.decision import Decision
from linattn_core.experiment import Experiment
from linattn_core.figures import views
from linattn_core.tasks import StepAutomaton, UniversalAutomaton
from pages.shared import panels, sequence_views, state, theme
from pages.shared.widgets import chart, literal
from pages.shared.widgets import figures as row_of_figures


def sizes(result: Experiment) -> None:
    """Rank against what legal inputs can excite, and the null space split in two."""
    certificate, family = result.run.certificate, result.family
    values = {"Features": f"{certificate.feature_count:,}", "Rank": f"{certificate.rank:,}"}
    if family is not None:
        values |= {
            "Legal": f"{family.dimension:,}",
            "Never excited": f"{family.structural:,}",
            "Still open": f"{family.data:,}",
        }
    values |= {"λ min": f"{certificate.lambda_min:.3g}"}
    row_of_figures(
        values,
        {
            "Features": "d · d(d+1)/2 products of the tokens: linear attention is linear in these.",
            "Legal": "Dimensions that legal inputs of this task can excite at all.",
            "Never excited": "Null directions outside the legal inputs: harmless, no legal input feels them.",
            "Still open": "Null directions inside the legal inputs: more traces would close them.",
            "λ min": "The smallest eigenvalue of the second moment of all features. Above 0: one function on ALL "
            "inputs. With one-hot tokens it is always 0, so the legal dimensions decide.",
        },
    )
    if family is not None:
        st.caption(f"Legal inputs: {literal(family.source)}. Level: {family.level}.")


def spectrum(result: Experiment) -> None:
    """The eigenvalues that are not zero."""
    values, more = views.eigenvalues(result.run.certificate)
    if not len(values):
        st.caption(f"All {more:,} eigenvalues belong to blocks too large to list them here.")
        return
    rest = f"; {more:,} more belong to blocks too large to list" if more else ""
    chart(
        figures.spectrum(values, theme.colours(), what="eigenvalue of Λ / N"),
        f"{len(values)} non-zero eigenvalues of the second moment, from {values[0]:.3g} to {values[-1]:.3g}",
        f"{len(values):,} non-zero eigenvalues{rest}; "
        f"{result.run.certificate.feature_count - result.run.certificate.rank:,} are zero",
        "spectrum",
    )


def ambiguity(result: Experiment) -> None:
    """How free the answer at every transition is: 0 where all minimisers agree."""
    task, machine = result.task, result.lab.machine
    if machine is None or not isinstance(task, StepAutomaton | UniversalAutomaton):
        return
    _, probes = task.probes(machine)
    certificate = result.run.certificate
    table = certificate.ambiguities(probes).reshape(len(machine.states), len(machine.alphabet))
    decided = certificate.decide(probes)
    counts = [int(np.sum(decided == which)) for which in (Decision.OPEN, Decision.UNDECIDED)]
    chart(
        figures.ambiguity(table, decided.reshape(table.shape), machine.states, machine.alphabet, theme.colours()),
        f"Ambiguity per transition; {counts[0]} are open, {counts[1]} undecided",
        f"ambiguity of each transition, 0 to 1, array ({table.shape[0]} × {table.shape[1]})",
        "ambiguity",
    )


def cure(result: Experiment) -> None:
    """What is missing, in words, and the trace that closes it."""
    if result.fit is not None:
        sequence_views.cure(result)
        sequence_views.certified(result)
        return
    if result.missing:
        st.markdown(panels.missing_in_words(result, limit=12))
    if result.open_pairs:
        pair = result.open_pairs[0]
        st.button(
            f"Add the best next trace: {literal(pair[0])} on {literal(pair[1])}",
            on_click=_set,
            args=(result.cured(pair),),
            type="primary",
            icon=":material/healing:",
            key="next_trace",
        )
        if len(result.open_pairs) > 1:
            st.button("Add all that are missing", on_click=_cure_all, args=(result,), key="all_traces")
    elif result.missing or (result.family is None and not result.run.certificate.identified):
        more = result.lab.traces.replace(count=min(2 * result.lab.traces.count, 200_000))
        st.button(
            f"Learn from {more.count:,} traces",
            on_click=_set,
            args=(result.lab.replace(traces=more),),
            type="primary",
            icon=":material/add:",
            key="more_traces",
        )
    else:
        st.markdown("Nothing is missing.")


def _set(lab: object) -> None:
    state.attempt("certify", lambda: lab)  # type: ignore[arg-type,return-value]


def _cure_all(result: Experiment) -> None:
    spec = result.lab.traces
    more = spec.replace(extra=(*spec.extra, *result.open_pairs))
    state.attempt("certify", lambda: result.lab.replace(traces=more))
