import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.errors import LinattnError, MachineError, TooLargeError
from linattn_core.machines import from_regex
from tests.cases import REGEXES, Case, case_id


def words_up_to(alphabet: tuple[str, ...], length: int) -> list[tuple[str, ...]]:
    return [word for n in range(length + 1) for word in itertools.product(alphabet, repeat=n)]


_ATOMS = st.sampled_from(["a", "b", "[ab]", "."])


def _grow(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(children, children)
    suffix = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,2}", "{1,}", "{0,}"])
    return st.one_of(
        pair.map(lambda p: f"({p[0]}|{p[1]})"),
        pair.map(lambda p: f"{p[0]}{p[1]}"),
        st.tuples(children, suffix).map(lambda p: f"({p[0]}){p[1]}"),
    )


@given(st.recursive(_ATOMS, _grow, max_leaves=8))
@settings(max_examples=150, deadline=None)
def test_regex_agrees_with_python_on_all_short_words(text: str):
    pattern = re.compile(text)
    try:
        machine = from_regex(text, alphabet="ab")
    except TooLargeError:
        assert len(text) > 40  # only long repetitions of repetitions may be refused
        return
    for word in words_up_to(("a", "b"), 7):
        assert machine.accepts(word) == (pattern.fullmatch("".join(word)) is not None), word


@pytest.mark.parametrize("case", REGEXES, ids=case_id)
def test_regex_machine_is_complete_minimal_and_named_breadth_first(case: Case):
    machine = case.machine
    assert machine.name == case.regex
    assert machine.states[machine.start] == "q0"
    assert machine.reachable() == machine.states
    assert machine.alphabet == tuple(sorted(machine.alphabet))


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("a{3}b", "ab"),
        (r"\d", "0123456789"),
        (r"\(\)", "()"),
        (r"\{", "{"),
        ("[a-d]", "abcd"),
        ("😀|🎉", "🎉😀"),
        ("a-b", "-ab"),
    ],
)
def test_letters_of_a_regex(text, letters):
    assert from_regex(text).alphabet == tuple(letters)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("(a", "unclosed parentheses"),
        ("a)", "mismatched parentheses"),
        ("a|*", "'|' cannot appear immediately before '*'"),
        ("*a", "cannot appear at the start"),
        ("a|", "cannot appear at the end"),
        ("[]", "Empty character class"),
        ("a{3,1}", "Lower bound 3 cannot be greater than the upper bound"),
        ("a{-1}", "cannot be negative"),
        ("a{0}", "repeats nothing"),
        ("a{", "'{' without its partner"),
        ("[a", "'[' without its partner"),
        ("a b", "holds the blank ' '"),
        ("a\nb", "holds the blank"),
        (r"a\sb", "cannot be seen"),
        ("a\\", "lone backslash"),
        ("", "names no letter"),
        (".*", "names no letter"),
        (7, "must be text"),
    ],
)
def test_regex_faults_have_their_own_sentence(text, sentence):
    with pytest.raises(MachineError) as caught:
        from_regex(text)
    assert sentence in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        "(a|b)*a(a|b){14}",
        "a{99999}",
        "((a{50}){50}){50}",
        "(a|b|c|d|e|f)*a(a|b|c|d|e|f){12}",
        "(a|b)*a(a|b){6}",
        "a{70}",
        "a" * 10_000,
        "[a-\U0010ffff]",
        r"\w",
        "((a|b|c)*^(a|b|c)*)^((a|b|c)*^(a|b|c)*)^(abc)*",
        "a?" * 60 + "a" * 60,
    ],
)
def test_regex_blow_ups_are_refused_by_a_bound(text):
    with pytest.raises(TooLargeError):
        from_regex(text)


def test_regex_alphabet():
    assert from_regex("a*", alphabet="ba").alphabet == ("b", "a")
    assert from_regex("", alphabet="a").accepts("")
    for text, alphabet, sentence in (
        ("c", "ab", "letter 'c', which is not in the alphabet"),
        ("a", ["a", "coin"], "letter 'coin' cannot stand in a regular expression"),
        ("a", "aa", "names a letter twice"),
        ("", "", "names no letter"),
    ):
        with pytest.raises(MachineError, match=sentence):
            from_regex(text, alphabet=alphabet)


@given(st.text(alphabet="ab()|*+?{}[]^&.\\-,0129 ", max_size=14))
@settings(max_examples=300, deadline=None)
def test_no_text_escapes_the_error_tree(text: str):
    try:
        machine = from_regex(text)
    except LinattnError as problem:
        assert str(problem).endswith(".")  # noqa: PT017 - any text may be valid or not, and a refusal is a sentence
    else:
        assert machine.reachable() == machine.states
