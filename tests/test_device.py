"""The device's code path: on torch's CPU tensors always, on a GPU where there is one."""

import numpy as np
import pytest

import linattn_core as la
from linattn_core.numerics import device, devices
from tests.samples import ROUTES, sequences


def _offset(offset: float) -> la.Traces:
    rng = np.random.default_rng(0)
    tokens = np.stack([rng.normal(size=(50, 6)) + offset, rng.normal(size=(50, 6)), np.ones((50, 6))], axis=2)
    teacher = la.LinearAttention(rng.normal(size=(2, 1, 3)), rng.normal(size=(2, 3, 3)))
    index = np.arange(50) * 6
    contexts = la.Traces.contexts(tokens.reshape(-1, 3), index, index + 6)
    return la.Traces.build(contexts.tokens, index, index + 6, teacher.on(contexts))


CASES = {
    **ROUTES,
    "an offset of 1e3": lambda: _offset(1e3),
    "unitary memories": lambda: la.tasks.AssociativeMemory(2, unitary=1.0).traces(300),
    "two contexts 1e-9 apart": lambda: la.Traces.from_examples(
        [(np.ones((2, 2)) + 1e-9 * k * np.eye(2), [float(k)]) for k in range(2)]
    ),
}


def agree(name: str, where: str) -> None:
    traces = CASES[name]()
    here, there = (la.learn(traces, heads=None, device=place) for place in ("cpu", where))
    assert here.certificate.rank == there.certificate.rank
    assert here.certificate.level == there.certificate.level
    np.testing.assert_array_equal(here.certificate.decide(traces), there.certificate.decide(traces))
    scale = abs(here.predictor.on(traces)).max()
    np.testing.assert_allclose(there.predictor.on(traces), here.predictor.on(traces), atol=1e-6 * scale)
    assert there.training_mse == pytest.approx(here.training_mse, rel=1e-6, abs=1e-14 * here.answer_scale**2)


@pytest.mark.parametrize("name", CASES)
def test_the_device_route_decides_and_answers_as_numpy_does(name):
    agree(name, "torch-cpu")


@pytest.mark.parametrize("name", ["dense, primal", "dense, deficient"])
def test_moments_on_the_device_add_and_decide_as_numpys_do(name):
    traces = CASES[name]()
    half = len(traces) // 2
    parts = traces.subset(slice(0, half)), traces.subset(slice(half, None))
    total = la.Moments.of(parts[0], device("torch-cpu")) + la.Moments.of(parts[1], device("torch-cpu"))
    assert la.certify(total).rank == la.certify(traces).rank


def test_no_device_is_listed_that_is_absent():
    for found in devices():
        assert found.put(np.ones(2)).shape == (2,)
    if all(found.name != "cuda" for found in devices()):
        with pytest.raises(la.LinattnError, match="no CUDA device"):
            la.learn(sequences(0, (2, 2, 2)), device="cuda")


@pytest.mark.gpu
@pytest.mark.skipif(all(found.name != "cuda" for found in devices()), reason="no CUDA device with float64 here")
@pytest.mark.parametrize("name", CASES)
def test_a_gpu_decides_and_answers_as_numpy_does(name):
    agree(name, "cuda")
