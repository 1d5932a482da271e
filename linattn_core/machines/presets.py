"""The named machines every page offers, each small enough to be drawn and to be learned in a blink."""

from functools import cache

from linattn_core.machines.automaton import Machine
from linattn_core.machines.regex import from_regex
from linattn_core.machines.table import from_table, random_machine


def presets() -> dict[str, Machine]:
    """Name -> machine, in teaching order; a fresh dictionary of shared frozen machines."""
    return {machine.name: machine for machine in _all()}


@cache
def _all() -> tuple[Machine, ...]:
    return (
        from_table(
            {"even": {"0": "even", "1": "odd"}, "odd": {"0": "odd", "1": "even"}},
            start="even",
            accepting=["even"],
            name="parity: an even number of 1s",
        ),
        _divisible(3),
        _divisible(5),
        from_regex("(a|b)*aba(a|b)*", name="contains aba"),
        from_regex("(a|b)*ab", name="ends with ab"),
        _even_a_odd_b(),
        _no_repetition(),
        from_regex("a*b*c*", name="letters in order: a*b*c*"),
        _brackets(3),
        _traffic_light(),
        _turnstile(),
        _vending_machine(),
        _door_lock(),
        _adder(),
        _elevator(),
        _named(random_machine(6, 2, seed=1), "random: 6 states, 2 letters"),
    )


def _no_repetition() -> Machine:
    return from_table(
        {
            "start": {"a": "saw a", "b": "saw b"},
            "saw a": {"a": "twice", "b": "saw b"},
            "saw b": {"a": "saw a", "b": "twice"},
            "twice": {"a": "twice", "b": "twice"},
        },
        start="start",
        accepting=["start", "saw a", "saw b"],
        name="no two equal letters in a row",
    )


def _traffic_light() -> Machine:
    return from_table(
        {
            "red": {"tick": "green", "button": "red"},
            "green": {"tick": "yellow", "button": "yellow"},
            "yellow": {"tick": "red", "button": "yellow"},
        },
        start="red",
        accepting=["red"],
        name="traffic light",
    )


def _turnstile() -> Machine:
    return from_table(
        {
            "locked": {"coin": "unlocked", "push": "locked"},
            "unlocked": {"coin": "unlocked", "push": "locked"},
        },
        start="locked",
        accepting=["unlocked"],
        name="turnstile",
    )


def _divisible(divisor: int) -> Machine:
    """Binary numbers, most significant digit first: reading digit x takes remainder r to 2 r + x."""
    return from_table(
        {f"r{r}": {str(x): f"r{(2 * r + x) % divisor}" for x in (0, 1)} for r in range(divisor)},
        start="r0",
        accepting=["r0"],
        name=f"divisible by {divisor} in binary",
    )


def _even_a_odd_b() -> Machine:
    names = {(a, b): f"{'odd' if a else 'even'} a, {'odd' if b else 'even'} b" for a in (0, 1) for b in (0, 1)}
    return from_table(
        {names[a, b]: {"a": names[1 - a, b], "b": names[a, 1 - b]} for a, b in names},
        start=names[0, 0],
        accepting=[names[0, 1]],
        name="an even number of a's and an odd number of b's",
    )


def _brackets(depth: int) -> Machine:
    table = {
        f"depth {k}": {
            "(": f"depth {k + 1}" if k < depth else "wrong",
            ")": f"depth {k - 1}" if k > 0 else "wrong",
        }
        for k in range(depth + 1)
    }
    table["wrong"] = {"(": "wrong", ")": "wrong"}
    return from_table(table, start="depth 0", accepting=["depth 0"], name=f"balanced brackets, at most {depth} deep")


def _vending_machine() -> Machine:
    """A drink costs 3 coins of value 1; a coin of value 2 is known too. Too much money is kept, as ever."""
    table = {f"{credit} paid": {"1": f"{credit + 1} paid", "2": f"{min(credit + 2, 3)} paid"} for credit in range(3)}
    table["3 paid"] = {"1": "3 paid", "2": "3 paid"}
    for credit in range(4):
        row = table[f"{credit} paid"]
        table[f"{credit} paid"] = {"coin 1": row["1"], "coin 2": row["2"]} | {
            "drink": "0 paid" if credit == 3 else f"{credit} paid",
            "refund": "0 paid",
        }
    return from_table(table, start="0 paid", accepting=["3 paid"], name="vending machine")


def _door_lock() -> Machine:
    """Opens on 1, 2, 3 in a row; a wrong digit starts over, a 1 always counts as a first digit."""
    table = {
        "closed": {"1": "1", "2": "closed", "3": "closed"},
        "1": {"1": "1", "2": "1 2", "3": "closed"},
        "1 2": {"1": "1", "2": "closed", "3": "open"},
        "open": {"1": "open", "2": "open", "3": "open"},
    }
    return from_table(table, start="closed", accepting=["open"], name="door lock with code 1 2 3")


def _adder() -> Machine:
    """Letters are columns x+y=z of a binary addition, least significant first; accepts the correct sums."""
    table: dict[str, dict[str, str]] = {"carry 0": {}, "carry 1": {}, "wrong": {}}
    for carry in (0, 1):
        for x in (0, 1):
            for y in (0, 1):
                for z in (0, 1):
                    total = x + y + carry
                    table[f"carry {carry}"][f"{x}+{y}={z}"] = f"carry {total // 2}" if total % 2 == z else "wrong"
    table["wrong"] = dict.fromkeys(table["carry 0"], "wrong")
    return from_table(table, start="carry 0", accepting=["carry 0"], name="binary addition, column by column")


def _elevator() -> Machine:
    floors = ("ground", "first", "second", "roof")
    table = {
        floor: {"up": floors[min(k + 1, 3)], "down": floors[max(k - 1, 0)], "home": "ground"}
        for k, floor in enumerate(floors)
    }
    return from_table(table, start="ground", accepting=["roof"], name="elevator of four floors")


def _named(machine: Machine, name: str) -> Machine:
    return Machine(**{**machine.__dict__, "name": name})
