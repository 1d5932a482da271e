"""The exact learner against Algorithm 1 written plainly, against AdamW, and its rank-k update against the machine."""

import numpy as np
import torch
from scipy.linalg import blas

import linattn_core as la
from linattn_core.dense_second import DenseSecond
from linattn_core.features import feature_batch
from linattn_core.numerics import device
from linattn_core.numerics import devices as found_devices
from tests.benchmarks.algorithm1 import algorithm1, batched_features, plain_features
from tests.benchmarks.timing import table, timed


def against_algorithm1() -> str:
    """Same data, same answers, both timed from raw tokens to coefficients."""
    rows = [_dense(d, 100) for d in (8, 12, 16)]
    rows += [_universal(4, 4, count) for count in (1_200, 2_400, 4_800)]
    header = ("problem", "examples", "plain s", "ours s", "ratio", "largest difference of fresh answers")
    return table("Against Algorithm 1 written plainly (all d^3 features, torch lstsq)", header, rows)


def _dense(d: int, sequences: int) -> tuple[object, ...]:
    rng = np.random.default_rng(0)
    Z, Y = rng.normal(size=(sequences, 100, d)) / 10, rng.normal(size=(sequences, 100, 1))
    plain, W = timed(lambda: algorithm1(batched_features(Z), Y.reshape(-1, 1)))
    ours, run = timed(lambda: la.learn(la.Traces.from_sequences(Z, Y), heads=None), repeats=3)
    fresh = rng.normal(size=(20, 100, d)) / 10
    difference = _differ(run, batched_features(fresh) @ W, la.Traces.from_sequences(fresh, np.zeros((20, 100, 1))))
    return f"dense d = {d}", sequences * 100, plain, ours, plain / ours, difference


def _universal(states: int, letters: int, count: int) -> tuple[object, ...]:
    task = la.tasks.UniversalAutomaton(states=states, letters=letters)
    traces, fresh = task.traces(count, seed=0), task.traces(500, seed=1)
    contexts = [Z for Z, _ in traces]
    plain, W = timed(lambda: algorithm1(plain_features(contexts), traces.targets))
    ours, run = timed(
        lambda: la.learn(la.Traces.from_examples(zip(contexts, traces.targets, strict=True)), heads=None), 3
    )
    difference = _differ(run, plain_features([Z for Z, _ in fresh]) @ W, fresh)
    return f"all automata ({states},{letters})", count, plain, ours, plain / ours, difference


def _differ(run: la.Run, answers: torch.Tensor, traces: la.Traces) -> float:
    return float(abs(run.predictor.on(traces) - answers.numpy()).max())


def against_adamw(tolerance: float = 1e-10, patience: float = 300.0) -> str:
    """A random teacher at d = 4, every prefix an example; AdamW on 16 heads until its training MSE is ``tolerance``."""
    task = la.tasks.RandomTeacher(4, heads=1)
    traces = task.traces(2_048, seed=0)
    ours, run = timed(lambda: la.learn(traces, heads=None), repeats=3)
    seconds, loss, steps = _adamw(traces, tolerance, patience)
    reached = f"reached {loss:.1e}" if loss <= tolerance else f"stopped at {loss:.1e}"
    row = (len(traces), ours, run.training_mse, seconds, f"{steps} steps, {reached}", seconds / ours)
    header = ("examples", "ours s", "our MSE", "AdamW s", "AdamW", "ratio (a lower bound if stopped)")
    return table(f"Against AdamW with 16 heads, to {tolerance:.0e} training MSE", header, [row])


def _adamw(traces: la.Traces, tolerance: float, patience: float) -> tuple[float, float, int]:
    """Full-batch AdamW with lr 0.01 then 0.001 on features of C and z; returns (seconds, best full loss, steps)."""
    import time

    torch.manual_seed(0)
    batch = feature_batch(traces)
    d = traces.dim
    j, k = np.triu_indices(d)
    C = np.zeros((len(traces), d, d))
    C[:, j, k] = C[:, k, j] = batch.svec / np.where(j == k, 1, np.sqrt(2))
    C, z, y = (torch.from_numpy(np.ascontiguousarray(a)) for a in (C, batch.query, traces.targets))
    V = (torch.randn(16, traces.outputs, d, dtype=torch.float64) / d).requires_grad_()
    Q = (torch.randn(16, d, d, dtype=torch.float64) / d).requires_grad_()
    optimiser = torch.optim.AdamW([V, Q], lr=1e-2, weight_decay=0.0)
    begin, loss_value, steps, size = time.perf_counter(), float("inf"), 0, 64 * 100
    generator = torch.Generator().manual_seed(0)
    while time.perf_counter() - begin < patience:
        for chosen in torch.randperm(len(y), generator=generator).split(size):
            optimiser.zero_grad()
            answer = torch.einsum("had,ndk,hkl,nl->na", V, C[chosen], Q, z[chosen])
            loss = ((answer - y[chosen]) ** 2).sum(1).mean()
            loss.backward()
            optimiser.step()
            steps += 1
        with torch.no_grad():
            loss_value = float(((torch.einsum("had,ndk,hkl,nl->na", V, C, Q, z) - y) ** 2).sum(1).mean())
        if loss_value <= tolerance:
            break
        for group in optimiser.param_groups:
            group["lr"] = 1e-2 if loss_value > 1e-4 else 1e-3
    return time.perf_counter() - begin, loss_value, steps


def devices() -> str:
    """Dense problems on every device found, and on torch's CPU tensors, the GPU's code path: speed and agreement."""
    names = [place.name for place in found_devices()] + ["torch-cpu"]
    rows = []
    for problem, traces in _device_problems().items():
        runs = {name: timed(lambda n=name, t=traces: la.learn(t, heads=None, device=n), repeats=2) for name in names}
        first, reference = runs["cpu"]
        answers = reference.predictor.on(traces)
        for name, (seconds, run) in runs.items():
            apart = float(abs(run.predictor.on(traces) - answers).max() / abs(answers).max())
            rows.append((problem, name, seconds, first / seconds, run.certificate.rank, run.certificate.level, apart))
    header = ("problem", "device", "seconds", "cpu / device", "rank", "level", "answers apart")
    found = "; a GPU was found" if "cuda" in names else "; no GPU with float64 was found"
    return table(f"Devices{found}", header, rows)


def _device_problems() -> dict[str, la.Traces]:
    """Well scaled, of deficient rank, and with tokens far from zero."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(200, 100, 16)) / 10
    far = rng.normal(size=(400, 20, 5)) + np.array([1e3, 0, 0, 0, 0])
    teacher = la.LinearAttention(rng.normal(size=(2, 1, 5)), rng.normal(size=(2, 5, 5)))
    contexts = la.Traces.from_sequences(far, np.zeros((400, 20, 1)))
    return {
        "d = 16, 20,000 examples": la.Traces.from_sequences(Z, rng.normal(size=(200, 100, 1))),
        "unitary memories, rank 248 of 288": la.tasks.AssociativeMemory(4, unitary=1.0).traces(4096),
        "an entry of 1,000, 8,000 examples": la.Traces.from_sequences(far, teacher.on(contexts).reshape(400, 20, 1)),
    }


def rank_k_update() -> str:
    """Forming Lambda against the machine's own matrix-multiply rate, in the same run.

    A symmetric rank-k update on explicit features takes p^2 flops an example, half of a matrix product's. Sums over
    pairs take (s(s+1)/2) d(d+1) of them, so against p^2 they may pass the machine's rate; the last column counts
    their own.
    """
    rng, rows = np.random.default_rng(0), []
    A = rng.normal(size=(2048, 2048))
    seconds, _ = timed(lambda: blas.dgemm(1.0, A, A), repeats=5)
    machine = 2 * 2048**3 / seconds
    for d in (12, 16):
        p, s = la.feature_count(d), d * (d + 1) // 2
        traces = la.Traces.from_sequences(rng.normal(size=(300, 100, d)), rng.normal(size=(300, 100, 1)))
        second = DenseSecond(d, device("cpu"))
        batch = feature_batch(next(iter(traces.chunks(second.chunk))))
        update, _ = timed(lambda b=batch, s=second: s.add(b), 20)
        whole, _ = timed(lambda t=traces: la.Moments.of(t), repeats=3)
        work, own = float(p) * p, float(s * (s + 1)) * s
        rates = len(batch) * work / update, len(traces) * work / whole, len(batch) * own / update
        rows.append((d, p, *(rate / machine for rate in rates), machine / 1e9))
    header = ("d", "p", "update / machine", "moments from tokens / machine", "own flops / machine", "machine GFLOP/s")
    return table("Second moment, counting p^2 flops an example", header, rows)
