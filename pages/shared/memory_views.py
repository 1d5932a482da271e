"""Interference made visible: overlaps of the keys, what the plain memory answers, what the learned layer answers."""

from __future__ import annotations

import streamlit as st

from linattn_core.errors import TooLargeError
from linattn_core.experiment import Experiment
from linattn_core.figures import retrieval as pictures
from linattn_core.figures import views
from linattn_core.outcomes.evidence import why_no_truth
from linattn_core.tasks import AssociativeMemory
from linattn_core.tasks.retrieval import Retrieval
from pages.shared import theme
from pages.shared.widgets import chart, literal
from pages.shared.widgets import figures as row_of_figures


def interference(result: Experiment, key: str) -> None:
    """The three matrices side by side, in figures and in words; nothing where no memory is built."""
    found = result.retrieval
    if found is None:
        return
    st.markdown("#### What the memory answers for each key")
    st.markdown(_in_words(found))
    _figures(result, found)
    try:
        drawn = (
            ("Overlaps of the keys", pictures.overlaps(found, theme.colours()), "cosines", len(found.keys)),
            (
                "The plain memory's answers",
                pictures.answered(found, theme.colours(), learned=False),
                "distance of Σⱼ ⟨q, kⱼ⟩ vⱼ / ⟨q, q⟩ from each value",
                len(found.values),
            ),
            (
                "The learned layer's answers",
                pictures.answered(found, theme.colours(), learned=True),
                "distance of the layer's answer from each value",
                len(found.values),
            ),
        )
        for number, (column, (title, picture, what, wide)) in enumerate(zip(st.columns(3), drawn, strict=True)):
            with column:
                st.markdown(f"###### {title}")
                shape = f"({len(found.keys)} × {wide})"
                chart(picture, f"{title}, {shape}", f"{what}, array {shape}", f"{key}_{number}")
    except TooLargeError as limit:
        st.caption(literal(str(limit)))
    st.caption(
        f"Asked: {found.memory}; a row is an asked key, a column a value. Full colour: the answer is that value. "
        "✓ the nearest value is the right one, ✗ it is another one, or two are equally near."
    )
    st.markdown(_why(result))


def _in_words(found: Retrieval) -> str:
    keys = len(found.keys)
    return (
        f"At a mean overlap of {found.mean_overlap:.2f} the plain associative memory retrieves "
        f"**{found.plain_right.sum()} of {keys}** right, the learned layer **{found.learned_right.sum()} of {keys}**. "
        f"Their answers are off by {found.plain_miss:.2g} and {found.learned_miss:.2g} on average; two values are "
        f"at most {found.spread:.2g} apart."
    )


def _figures(result: Experiment, found: Retrieval) -> None:
    values, _ = views.eigenvalues(result.run.certificate)
    keys = len(found.keys)
    row_of_figures(
        {
            "Mean overlap": f"{found.mean_overlap:.3f}",
            "Plain, right": f"{found.plain_right.sum()} of {keys}",
            "Learned, right": f"{found.learned_right.sum()} of {keys}",
            "Training error": f"{result.run.training_mse:.2e}",
            "λ min": f"{result.run.certificate.lambda_min:.3g}",
            "Least excited": f"{values[-1]:.2e}" if len(values) else "–",
        },
        {
            "Mean overlap": "Mean cosine of two different keys.",
            "λ min": "Smallest eigenvalue of the second moment of all features: 0 if legal inputs never excite some.",
            "Least excited": "Smallest eigenvalue that is not 0: the fainter it is, the more the answer there depends "
            "on rounding and noise.",
        },
    )


def _why(result: Experiment) -> str:
    """What the learned layer does about the interference, as far as this run shows it."""
    task, run, found = result.task, result.run, result.retrieval
    error = f"a training error of **{run.training_mse:.3g}** (R² {run.r2:.4f})"
    if found is not None and found.learned_exact:
        if found.plain_exact:
            return "These keys do not interfere: the plain memory and the learned layer both answer exactly."
        why = ": the keys are linearly independent, so some Q has kᵢᵀ Q kⱼ = 1 for i = j and 0 otherwise"
        return f"The learned layer undoes the interference{why if task.truth else ''}; least squares finds it."
    if isinstance(task, AssociativeMemory) and task.answer == "sum":
        return (
            "The traces show the sums themselves, so that is what the layer learns: the plain memory, "
            "interference included. Let the traces answer with the asked value to see what a layer can do against it."
        )
    if result.lab.traces.noise or result.lab.learner.ridge:
        return f"This layer was learned from noisy traces or with a ridge, and has {error}."
    if result.light.colour in ("amber", "grey"):
        return f"It is not settled what this layer answers on every table, see Certify; it has {error}."
    reason = why_no_truth(task)
    if not reason:
        return f"A layer that answers with exactly these values exists, but this one does not; it has {error}."
    return f"No layer answers with exactly these values: {reason}. The best compromise, by least squares, has {error}."
