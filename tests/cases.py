"""The one table of named cases. Every stage is tested on it: machine, traces, learning, certificate, recovery, lab.

A case is a machine with facts worked out by hand: words it accepts and rejects, and the number of states of the
smallest automaton of its language.
"""

from dataclasses import dataclass, field

from linattn_core.machines import Machine, from_regex, presets


@dataclass(frozen=True)
class Case:
    name: str
    machine: Machine
    accepted: tuple[tuple[str, ...], ...]
    rejected: tuple[tuple[str, ...], ...]
    minimal: int  # states of the minimal complete automaton
    regex: str | None = None
    pairs: int = field(init=False)  # reachable states x letters = dimension of the family

    def __post_init__(self) -> None:
        object.__setattr__(self, "pairs", len(self.machine.reachable()) * len(self.machine.alphabet))


def _words(text: str) -> tuple[tuple[str, ...], ...]:
    """ "ab _ b" -> (("a", "b"), (), ("b",)): words between spaces, _ the empty one."""
    return tuple(() if word == "_" else tuple(word) for word in text.split(" "))


def _phrases(*texts: str) -> tuple[tuple[str, ...], ...]:
    """Words whose letters have several characters, separated by spaces."""
    return tuple(tuple(text.split()) for text in texts)


_PRESETS: dict[str, tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...], int]] = {
    "parity: an even number of 1s": (_words("_ 0 11 101 0110"), _words("1 10 111"), 2),
    "divisible by 3 in binary": (_words("_ 0 11 110 1001 1100"), _words("1 10 100 111"), 3),
    "divisible by 5 in binary": (_words("_ 101 1010 1111 11001"), _words("1 10 11 110"), 5),
    "contains aba": (_words("aba aaba abab bbabaa"), _words("_ a ab abba baab"), 4),
    "ends with ab": (_words("ab aab bab abab"), _words("_ a b ba aba"), 3),
    "an even number of a's and an odd number of b's": (_words("b aab aba bbb"), _words("_ a ab bb aabb"), 4),
    "no two equal letters in a row": (_words("_ a b ab bab"), _words("aa bb abb abaa"), 4),
    "letters in order: a*b*c*": (_words("_ a abc aabbcc ac"), _words("ba ca cb abca"), 4),
    "balanced brackets, at most 3 deep": (_words("_ () (()) ((())) ()(())"), _words("( ) )( (((( (((())))"), 5),
    "traffic light": (
        _phrases("", "tick tick tick", "button", "tick button tick"),
        _phrases("tick", "tick tick", "tick button"),
        3,
    ),
    "turnstile": (_phrases("coin", "coin coin", "push coin"), _phrases("", "push", "coin push"), 2),
    "vending machine": (
        tuple(map(tuple, (["coin 1", "coin 2"], ["coin 1"] * 3, ["drink", "coin 2", "coin 2"]))),
        tuple(map(tuple, ([], ["coin 1"], ["coin 2", "refund", "coin 1"], ["coin 1", "coin 2", "drink"]))),
        4,
    ),
    "door lock with code 1 2 3": (_words("123 1123 123123 12123"), _words("_ 12 132 1213 1223"), 4),
    "binary addition, column by column": (
        _phrases("", "0+1=1", "1+1=0 0+0=1", "1+1=0 1+1=1 0+0=1"),
        _phrases("1+1=1", "1+1=0", "0+0=1", "1+0=0 0+1=1"),
        3,
    ),
    "elevator of four floors": (
        _phrases("up up up", "up up up up", "up down up up up"),
        _phrases("", "up", "up up up down", "up up up home"),
        4,
    ),
    "random: 6 states, 2 letters": ((), (), 0),  # no hand-made facts: the laws alone
}

_REGEXES: dict[str, tuple[str, str, int]] = {
    "a*": ("_ a aaa", "", 1),
    "(ab)*": ("_ ab abab", "a b ba aba", 3),
    "(a|b)*abb": ("abb aabb babb", "_ ab abba", 4),
    "a{2,4}": ("aa aaa aaaa", "_ a aaaaa", 6),
    "(0|1)*1(0|1)(0|1)": ("100 0111 1101", "_ 11 1011011 0011", 8),
    "a(b|c)?d+": ("ad abd acdd", "_ a ab abcd d", 5),
    "(aa|bb)*": ("_ aa bbaa", "a ab aab", 4),
    "b*(ab*ab*)*": ("_ b aa baba", "a abb aaa", 2),
    "[abc]*c[abc]": ("ca acb cc", "_ c ac cab", 4),
    "(a|b)*&a*b*": ("_ ab aabb", "ba aba", 3),
    "(ab)^(cd)": ("abcd acbd cdab", "_ ab dcab bacd", 10),
    "(x|y+z)*": ("_ x yz xyyz", "y xy zz", 3),
}


def _case_of_preset(name: str, machine: Machine) -> Case:
    accepted, rejected, minimal = _PRESETS[name]
    return Case(name, machine, accepted, rejected, minimal)


def _case_of_regex(text: str) -> Case:
    accepted, rejected, minimal = _REGEXES[text]
    machine = from_regex(text)
    return Case(f"regex {text}", machine, _words(accepted), _words(rejected) if rejected else (), minimal, text)


PRESETS: tuple[Case, ...] = tuple(_case_of_preset(name, machine) for name, machine in presets().items())
REGEXES: tuple[Case, ...] = tuple(map(_case_of_regex, _REGEXES))
CASES: tuple[Case, ...] = PRESETS + REGEXES
HOSTILE_LABELS = (
    '"',
    "'",
    "\\",
    "<script>alert(1)</script>",
    "🚦",
    "a\u0301",
    "ש",
    "-->",
    "]]>",
    "{x}",
    "a b",
    "=",
    "%s",
)


def case_id(case: Case) -> str:
    return case.name
