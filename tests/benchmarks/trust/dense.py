"""Nasty data: every way found so far to mislead a learner that forms squares of cubic features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.benchmarks.trust.judge import Case

Draw = Callable[[], np.ndarray]
Rng = np.random.Generator


def p(d: int) -> int:
    return d * d * (d + 1) // 2


def size(rng: Rng) -> int:
    return int(rng.choice([1, 2, 3, 4], p=[0.1, 0.55, 0.3, 0.05]))


def number(rng: Rng, d: int) -> int:
    """Examples: one, fewer than features, as many, more."""
    full = p(d)
    return int(rng.choice([1, rng.integers(1, full + 1), full, full + rng.integers(1, 9), 2 * full]))


def length(rng: Rng) -> int:
    return int(rng.choice([1, 2, 3, 5, 9], p=[0.2, 0.3, 0.25, 0.2, 0.05]))


def gaussian(rng: Rng, d: int) -> Draw:
    return lambda: rng.normal(size=(d, length(rng)))


def whole(rng: Rng, d: int, largest: int = 3) -> Draw:
    return lambda: rng.integers(-largest, largest + 1, size=(d, length(rng))).astype(float)


def answers(rng: Rng, contexts: list[np.ndarray]) -> np.ndarray:
    """What a layer of random heads answers, or noise, or both, of any size."""
    d, m = len(contexts[0]), int(rng.integers(1, 4))
    unit = 1 / np.maximum(np.max([np.abs(Z).max(axis=1) for Z in contexts], axis=0), 1e-300)
    V, Q = rng.normal(size=(m, d)), rng.normal(size=(d, d))
    even = [Z * unit[:, None] for Z in contexts]
    taught = np.array([V @ Z @ (Z.T @ Q @ Z[:, -1]) for Z in even])
    noise = rng.normal(size=taught.shape)
    kind = rng.integers(3)
    return 10.0 ** rng.integers(-3, 4) * ([taught, noise, taught + 0.1 * noise][kind])


def asked(rng: Rng, contexts: list[np.ndarray], draw: Draw) -> list[np.ndarray]:
    """Inputs of the data, the same in other words, near ones, fresh ones, and one without a query."""
    N = len(contexts)
    Z, other = contexts[rng.integers(N)], contexts[rng.integers(N)]
    near = other * (1 + 1e-6 * rng.normal(size=other.shape))
    blank = other.copy()
    blank[:, -1] = 0.0
    return [Z, other, same_feature(rng, Z), draw(), draw(), near, blank]


def same_feature(rng: Rng, Z: np.ndarray) -> np.ndarray:
    """Return another context whose feature is an exact multiple of that of Z."""
    before, query = Z[:, :-1], Z[:, -1:]
    kind = rng.integers(4)
    if kind == 0:
        return 2.0 * Z
    if kind == 1:
        return -Z
    if kind == 2 or not before.shape[1]:
        return np.hstack([np.zeros_like(query), rng.permutation(before, axis=1), query])
    return np.hstack([-before[:, ::-1], query])


def made(rng: Rng, d: int, draw: Draw, **more: object) -> Case:
    contexts = [draw() for _ in range(number(rng, d))]
    return Case(contexts, answers(rng, contexts), asked(rng, contexts, draw), **more)  # type: ignore[arg-type]


def plain(rng: Rng) -> Case:
    """Well-scaled dense data: everything must be decided, and numpy can be believed."""
    d = size(rng)
    return made(rng, d, gaussian(rng, d), decided=True, plain=True)


def integers(rng: Rng) -> Case:
    """Small integers, often dependent: exact."""
    d = size(rng)
    return made(rng, d, whole(rng, d, int(rng.integers(1, 4))), decided=True, exact=True)


def extremes(rng: Rng) -> Case:
    """Integers from 1 to a million side by side."""
    d = size(rng)
    values = np.array([0, 1, -1, 2, 1000, -99_999, 1_000_000])
    return made(rng, d, lambda: rng.choice(values, size=(d, length(rng))).astype(float))


def scaled(rng: Rng) -> Case:
    """Coordinates of sizes 1e-8 to 1e8, or powers of two."""
    d = max(size(rng), 2)
    units = 2.0 ** rng.integers(-26, 27, size=d) if rng.random() < 0.5 else 10.0 ** rng.uniform(-8, 8, size=d)
    base = gaussian(rng, d) if rng.random() < 0.6 else whole(rng, d)
    return made(rng, d, lambda: units[:, None] * base())


def mixed(rng: Rng) -> Case:
    """Good data under a mixing T of condition up to 1e10."""
    d = max(size(rng), 2)
    U, W = (np.linalg.qr(rng.normal(size=(d, d)))[0] for _ in range(2))
    T = U * np.geomspace(1, 10.0 ** rng.uniform(0, 10), d) @ W
    base = gaussian(rng, d)
    return made(rng, d, lambda: T @ base())


def sheared(rng: Rng) -> Case:
    """Small integers under an integer T of determinant one: dependence survives exactly, units do not."""
    d = max(size(rng), 2)
    T = np.eye(d)
    for _ in range(rng.integers(1, 4)):
        i, j = rng.choice(d, size=2, replace=False)
        shear = np.eye(d)
        shear[i, j] = rng.integers(-300, 301)
        T = shear @ T
    base = whole(rng, d, 2)
    return made(rng, d, lambda: T @ base())


def offset(rng: Rng) -> Case:
    """Rows [x + offset; x'; 1], now and then with x' = x, which only rounding tells from dependent ones."""
    by, same = 10.0 ** rng.uniform(1, 6), bool(rng.random() < 0.1)
    if rng.random() < 0.5:

        def draw() -> np.ndarray:
            x, other = rng.normal(size=(2, length(rng)))
            return np.array([x + by, x if same else other, np.ones_like(x)])

        return made(rng, 3, draw)
    d = max(size(rng), 2)

    def far() -> np.ndarray:
        Z = rng.normal(size=(d, length(rng))) + by
        Z[-1] = 1.0
        return Z

    return made(rng, d, far)


def near(rng: Rng) -> Case:
    """Contexts 1e-7 to 1e-11 apart, with answers that are not."""
    d = max(size(rng), 2)
    draw = gaussian(rng, d)
    contexts = []
    for _ in range(rng.integers(1, max(2, p(d) // 2))):
        Z = draw()
        contexts += [Z, Z + 10.0 ** rng.uniform(-11, -7) * rng.normal(size=Z.shape)]
    return Case(contexts, answers(rng, contexts), asked(rng, contexts, draw))


def one_token(rng: Rng) -> Case:
    """Cubics through few points, some of them very near: one token (x, 1)."""
    x = np.concatenate([rng.normal(size=rng.integers(1, 4)), 10.0 ** rng.uniform(-9, -3, size=rng.integers(1, 4))])

    def token(value: float) -> np.ndarray:
        return np.array([[value], [1.0]])

    contexts = [token(value) for value in x]
    return Case(contexts, answers(rng, contexts), asked(rng, contexts, lambda: token(rng.normal())))


def repeated(rng: Rng) -> Case:
    """Examples many times over, with answers that contradict each other."""
    d = size(rng)
    draw = gaussian(rng, d) if rng.random() < 0.5 else whole(rng, d)
    contexts = [draw() for _ in range(rng.integers(1, p(d) + 3))]
    contexts += [contexts[i] for i in rng.integers(len(contexts), size=rng.integers(0, 4))]
    weights = [int(w) for w in np.ceil(10.0 ** rng.uniform(0, 2.3, size=len(contexts)))]
    if rng.random() < 0.02:
        weights[0] = 100_000
    return Case(contexts, answers(rng, contexts), asked(rng, contexts, draw), weights)


def one_hot(rng: Rng) -> Case:
    """One-hot tokens times scales."""
    d = int(rng.integers(2, 5))
    units = 10.0 ** rng.uniform(-8, 8, size=d) if rng.random() < 0.5 else np.ones(d)

    def draw() -> np.ndarray:
        return (units[:, None] * np.eye(d))[:, rng.integers(d, size=length(rng))]

    return made(rng, d, draw, exact=bool((units == 1).all()), decided=bool((units == 1).all()))


def unseen(rng: Rng) -> Case:
    """Coordinates that are zero, or a flag that is never set, in the data, and set in what is asked, however little."""
    d = max(size(rng), 2)
    base = gaussian(rng, d) if rng.random() < 0.5 else whole(rng, d)
    dead = int(rng.integers(d))

    def draw() -> np.ndarray:
        Z = base()
        Z[dead] = 0.0
        return Z

    case = made(rng, d, draw)
    extra = []
    for tiny in (1.0, 1e-6, 10.0 ** rng.uniform(-12, 6)):
        Z = case.asked[rng.integers(5)].copy()
        Z[dead, rng.integers(Z.shape[1])] = tiny
        extra.append(Z)
    return Case(case.contexts, case.answers, [*case.asked, *extra])


def flat(rng: Rng) -> Case:
    """Tokens in a subspace of integers: a direction that none uses, and inputs that do."""
    d = max(size(rng), 2)
    base, row = whole(rng, d - 1), rng.integers(-2, 3, size=d - 1)

    def draw() -> np.ndarray:
        Z = base()
        return np.vstack([Z, row @ Z])

    case = made(rng, d, draw)
    Z = case.asked[0].copy()
    Z[-1, -1] += rng.choice([1.0, 1e-3, 1e-8])
    return Case(case.contexts, case.answers, [*case.asked, Z], exact=False)


def rows_apart(rng: Rng) -> Case:
    """Contexts of very unlike size: features differ by the cube."""
    d = size(rng)
    base = gaussian(rng, d)
    return made(rng, d, lambda: 10.0 ** rng.uniform(-4, 4) * base())


def uneven(rng: Rng) -> Case:
    """Prefixes of sequences of very unlike length, some long."""
    d = min(size(rng), 3)
    contexts: list[np.ndarray] = []
    while len(contexts) < number(rng, d):
        T = int(rng.choice([1, 3, 10, 300, 1000]))
        Z = rng.normal(size=(d, T)) * 10.0 ** rng.integers(-1, 2)
        contexts += [Z[:, : t + 1] for t in np.unique(rng.integers(T, size=4))]
    return Case(contexts, answers(rng, contexts), asked(rng, contexts, gaussian(rng, d)))


def shards(rng: Rng) -> Case:
    """Data that come in parts of unlike units, offsets, mixings and silent coordinates."""
    d = max(size(rng), 2)
    contexts: list[np.ndarray] = []
    cuts: list[int] = []
    for _ in range(rng.integers(2, 5)):
        units, by, T = np.ones(d), 0.0, np.eye(d)
        kind = rng.integers(5)
        if kind == 1:
            units = 10.0 ** rng.uniform(-6, 6, size=d)
        elif kind == 2:
            by = 10.0 ** rng.uniform(0, 5)
        elif kind == 3:
            units[rng.integers(d)] = 0.0
        elif kind == 4:
            T = np.linalg.qr(rng.normal(size=(d, d)))[0] * 10.0 ** rng.uniform(-4, 4, size=d)
        base = gaussian(rng, d)
        contexts += [T @ (units[:, None] * base() + by) for _ in range(rng.integers(1, 9))]
        cuts.append(len(contexts))
    return Case(contexts, answers(rng, contexts), asked(rng, contexts, gaussian(rng, d)), cuts=cuts[:-1])


def zeros(rng: Rng) -> Case:
    """Tokens of zeros, among others or alone."""
    d = size(rng)
    draw = whole(rng, d)
    some = [np.zeros((d, length(rng))) for _ in range(rng.integers(1, 4))]
    contexts = some + [draw() for _ in range(rng.integers(0, 4))]
    return Case(contexts, answers(rng, contexts), asked(rng, contexts, draw), decided=True, exact=True)


def without_answers(rng: Rng) -> Case:
    """m = 0, and m larger than the features are many."""
    d = size(rng)
    draw = gaussian(rng, d)
    contexts = [draw() for _ in range(number(rng, d))]
    m = int(rng.choice([0, 0, 12]))
    return Case(contexts, rng.normal(size=(len(contexts), m)), asked(rng, contexts, draw), decided=True)


def extreme_units(rng: Rng) -> Case:
    """Numbers whose cubes, or their squares, leave the range of floats."""
    d = size(rng)
    base, unit = gaussian(rng, d), 10.0 ** rng.choice([-150, -80, -60, -52, 45, 52, 60, 90, 150])
    return made(rng, d, lambda: unit * base(), fit=False)


FAMILIES: dict[str, tuple[Callable[[Rng], Case], float]] = {
    "plain": (plain, 0.10),
    "integers": (integers, 0.10),
    "extremes": (extremes, 0.05),
    "scaled": (scaled, 0.10),
    "mixed": (mixed, 0.08),
    "sheared": (sheared, 0.06),
    "offset": (offset, 0.07),
    "near": (near, 0.05),
    "one token": (one_token, 0.05),
    "repeated": (repeated, 0.06),
    "one-hot": (one_hot, 0.05),
    "unseen": (unseen, 0.05),
    "flat": (flat, 0.04),
    "rows apart": (rows_apart, 0.03),
    "shards": (shards, 0.04),
    "uneven": (uneven, 0.02),
    "zeros": (zeros, 0.02),
    "without answers": (without_answers, 0.02),
    "extreme units": (extreme_units, 0.01),
}
"""Family: how it is drawn, and its share of the dense cases."""
