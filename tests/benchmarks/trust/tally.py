"""What is counted: how often something that must not happen did, of how many times, and how to see it again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

WANTED_ZERO = {
    "green and wrong": "light green or covers.holds, and yet outside the range or answered wrong",
    "certified and off": "CERTIFIED, and exactly outside the range, or farther from the exact answer than stated",
    "open but inside": "OPEN, and exactly inside the range",
    "twin of unequal loss": "la.twin returned another loss, or another answer than asked for",
    "amber without twin": "OPEN, and la.twin refused",
    "not optimal": "training_mse above the exact optimum",
    "two roads contradict": "one road CERTIFIED, another OPEN",
    "wrong rank": "a decided rank that is not the exact one",
    "raw exception": "anything but a LinattnError",
    "not the least norm": "coefficients or open answers off those of the minimiser of least norm",
    "heads off": "heads that miss the predictor's answers, or its loss, and do not say so",
    "wrong lambda_min": "lambda_min off the smallest eigenvalue",
    "undecided where it must decide": "UNDECIDED on an integer task or on well-scaled dense data",
}
SHARES = {
    "undecided": "UNDECIDED at an input that is no close call, all cases together: wanted below 1 %",
    "a road undecided": "another road UNDECIDED where learn decides: allowed",
    "certified by a hair": "exactly outside by less than rounding of the stored tokens: no lie at this precision",
    "open by a hair": "exactly inside by directions or factors that rounding may have made: no lie at this precision",
    "undecided by a hair": "as either of these: rightly undecided",
    "fragile": "data whose exact rank rests on rounding of the stored tokens: fit and rank are not judged",
    "refused": "a LinattnError where the case is unusual: allowed, with its sentence",
}
SHOWN = 4


@dataclass
class Count:
    """``bad`` of ``total``, the first few with the case to run again and what was seen."""

    bad: int = 0
    total: int = 0
    seen: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Tally:
    """Counts by name, cases by family."""

    counts: dict[str, Count] = field(default_factory=dict)
    families: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, bad: bool, case: str, note: str = "") -> None:
        count = self.counts.setdefault(name, Count())
        count.total += 1
        if bad:
            count.bad += 1
            count.seen.append((case, note))
            del count.seen[40:]

    def merge(self, other: Tally) -> None:
        for name, found in other.counts.items():
            count = self.counts.setdefault(name, Count())
            count.bad += found.bad
            count.total += found.total
            count.seen = sorted([*count.seen, *found.seen], key=_place)[:40]
        self.families.update(other.families)

    @property
    def failures(self) -> dict[str, Count]:
        """The counters that must be zero and are not."""
        return {name: self.counts[name] for name in WANTED_ZERO if name in self.counts and self.counts[name].bad}

    def report(self, shown: int = SHOWN) -> str:
        lines = [f"{sum(self.families.values()):,} cases: {_families(self.families)}"]
        for wanted, names in (("wanted 0", WANTED_ZERO), ("told", SHARES)):
            for name, meaning in names.items():
                count = self.counts.get(name, Count())
                share = f" ({count.bad / count.total:.2%})" if count.total and wanted != "wanted 0" else ""
                lines.append(f"{name:<32}{count.bad:>7,} of {count.total:>9,}{share}   {wanted}: {meaning}")
                lines += [f"    {case}: {note}" for case, note in count.seen[:shown]] if wanted == "wanted 0" else []
        return "\n".join(lines)


def _place(seen: tuple[str, str]) -> tuple[str, int]:
    family, _, number = seen[0].partition(":")
    return family, int(number or 0)


def _families(families: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(families.items()))
