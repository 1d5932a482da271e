"""linattn: learn a one-layer linear transformer in polynomial time, and look inside.

The names below are the contract; everything else may move. Arrays are numpy float64. Z is (d, n) with tokens as
columns and the query last; N examples, T positions, m outputs, H heads, p features. ``la.tasks`` says what can be
learned and ``la.machines`` what can be built.
"""

from linattn_core import machines, tasks
from linattn_core.attention import LinearAttention, Predictor, distance
from linattn_core.certificate import Certificate, FamilyCertificate, certify
from linattn_core.curve import CurvePoint, Curves, FreshCheck, curves, fresh_check, learning_curve
from linattn_core.errors import Cancelled, CertifiedError, LinattnError
from linattn_core.experiment import Experiment, experiment
from linattn_core.features import feature_count, features, kernel
from linattn_core.lab import Lab
from linattn_core.learn import Run, find_heads, learn, plan
from linattn_core.moments import Moments
from linattn_core.outcomes.light import Light, judge
from linattn_core.recover import Recovery, recover
from linattn_core.traces import Traces
from linattn_core.twin import next_trace, next_traces, twin

__all__ = [
    "Cancelled",
    "Certificate",
    "CertifiedError",
    "CurvePoint",
    "Curves",
    "Experiment",
    "FamilyCertificate",
    "FreshCheck",
    "Lab",
    "Light",
    "LinattnError",
    "LinearAttention",
    "Moments",
    "Predictor",
    "Recovery",
    "Run",
    "Traces",
    "certify",
    "curves",
    "distance",
    "experiment",
    "feature_count",
    "features",
    "find_heads",
    "fresh_check",
    "judge",
    "kernel",
    "learn",
    "learning_curve",
    "machines",
    "next_trace",
    "next_traces",
    "plan",
    "recover",
    "tasks",
    "twin",
]
