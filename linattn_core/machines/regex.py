"""Regular expressions to small, complete, minimal machines, under a bound on the work.

automata-lib parses and minimises. It has no bound of its own, and two places can blow up without warning: repetition
counts, a{99999}, and the subset construction, (a|b)*a(a|b){14}. So the size is computed from the parsed tokens before
anything is built, and the subset construction here counts its steps. The alphabet too is read off the tokens: the
library's default would take the 3 of a{3} for a letter.
"""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import count

from automata.base.exceptions import AutomatonException, RegexException
from automata.fa.dfa import DFA
from automata.fa.nfa import NFA
from automata.regex.lexer import Token
from automata.regex.parser import (
    CharacterClassToken,
    IntersectionToken,
    QuantifierToken,
    ShuffleToken,
    StringToken,
    WildcardToken,
    add_concat_and_empty_string_tokens,
    get_regex_lexer,
)
from automata.regex.postfix import InfixOperator, Literal, PostfixOperator, tokens_to_postfix, validate_tokens

from linattn_core.errors import MachineError, TooLargeError
from linattn_core.machines.automaton import MAX_LETTERS, MAX_NAME, MAX_STATES, Machine
from linattn_core.machines.names import state_names

MAX_REGEX = 200  # characters
MAX_NFA = 400  # states of the nondeterministic automaton
MAX_WORK = 500_000  # elementary moves of the subset construction, well under a second
MAX_RANGE = 128  # characters of a class such as [a-z]

Subset = frozenset[int]


def from_regex(text: str, alphabet: Iterable[str] | None = None, *, name: str | None = None) -> Machine:
    """Make the minimal complete automaton of a regular expression; states q0 (start), q1, .. breadth-first.

    Dialect of automata-lib, matching whole words: | union, * + ? {n,m} repetition, . any letter, [ab] [^a] classes,
    () the empty word, & intersection, ^ shuffle, a backslash escapes. Letters are single characters; ``alphabet``
    defaults to those that occur in the text. Raises MachineError for a syntax error or a letter outside the alphabet,
    TooLargeError beyond the bounds of this module.
    """
    if not isinstance(text, str):
        raise MachineError(f"The regular expression is {text!r:.40}; it must be text.")
    if len(text) > MAX_REGEX:
        raise TooLargeError(f"The regular expression has {len(text)} characters; use at most {MAX_REGEX}.")
    _check_characters(text)
    try:
        tokens = _lex(text)
        letters = _alphabet(text, tokens, alphabet)
        _check_size(text, tokens)
        nfa = NFA.from_regex(text, input_symbols=set(letters))
    except (RegexException, AutomatonException) as problem:
        raise MachineError(f"The regular expression {text!r} is not valid: {_plain(str(problem))}.") from problem
    minimal = _determinise(nfa, letters, text).minify()
    return _numbered(minimal, letters, name or text[:MAX_NAME] or "the empty word")


def _lex(text: str) -> list[Token]:
    names = count()
    tokens = get_regex_lexer(frozenset(), names).lex(text)
    validate_tokens(tokens)
    return add_concat_and_empty_string_tokens(tokens, names)


def _alphabet(text: str, tokens: Sequence[Token], alphabet: Iterable[str] | None) -> tuple[str, ...]:
    """Return the letters: those given, checked against those that occur, or those that occur, sorted."""
    named = {token.text for token in tokens if isinstance(token, StringToken) and token.text}
    reserved = sorted(letter for letter in named & set("{}[]") if "\\" + letter not in text)
    if reserved:
        raise MachineError(
            f"The regular expression {text!r} holds a {reserved[0]!r} without its partner; close it, or write "
            f"\\{reserved[0]} for the letter."
        )
    for token in tokens:
        if isinstance(token, CharacterClassToken):
            named |= token.class_chars
        elif isinstance(token, WildcardToken) and alphabet is None:
            named |= set(token.input_symbols)  # of \d, \w and \s; empty for the dot
    blank = sorted(letter for letter in named if letter.isspace() or not letter.isprintable())
    if blank:
        raise MachineError(
            f"The regular expression {text!r} uses the letter {blank[0]!r}, which cannot be seen; use visible letters."
        )
    letters = tuple(sorted(named)) if alphabet is None else _check_alphabet(alphabet)
    strange = sorted(named - set(letters))
    if strange:
        raise MachineError(
            f"The regular expression {text!r} uses the letter {strange[0]!r}, which is not in the alphabet; "
            "add it there."
        )
    if not letters:
        raise MachineError(f"The regular expression {text!r} names no letter; name one or give an alphabet.")
    if len(letters) > MAX_LETTERS:
        raise TooLargeError(
            f"The regular expression {text!r:.60} uses {len(letters)} letters; at most {MAX_LETTERS} are supported."
        )
    return letters


def _check_alphabet(alphabet: Iterable[str]) -> tuple[str, ...]:
    letters = tuple(alphabet)
    for letter in letters:
        if not isinstance(letter, str) or len(letter) != 1:
            raise MachineError(
                f"The letter {letter!r} cannot stand in a regular expression; use letters of one character, "
                "or build the machine from a table."
            )
    if len(set(letters)) != len(letters):
        raise MachineError("The alphabet names a letter twice; give every letter once.")
    return letters


def _plain(detail: str) -> str:
    """Return the library's message in plain words."""
    plain = re.sub(r"'<(?:\w+: )?(.+?)>'", r"'\1'", detail)
    plain = plain.replace("Token list has", "it has").replace("parethesis", "parentheses").strip().rstrip(".")
    return plain.replace("upper bound {upper_bound}", "the upper bound")  # the library forgets to format this message


def _check_characters(text: str) -> None:
    """Refuse a lone backslash, and ranges such as [a-\U0010ffff] before the lexer spells them out."""
    if re.fullmatch(r"(\\.|[^\\])*\\", text, flags=re.DOTALL):
        raise MachineError(f"The regular expression {text!r} ends in a lone backslash; double it or leave it out.")
    space = next((character for character in text if character.isspace()), None)
    if space is not None:
        raise MachineError(f"The regular expression {text!r} holds the blank {space!r}; leave blanks out.")
    for match in re.finditer(r"(?=(.)-\\?(.))", text, flags=re.DOTALL):
        width = ord(match[2]) - ord(match[1]) + 1
        if width > MAX_RANGE:
            raise TooLargeError(
                f"The range from {match[1]!r} to {match[2]!r} spans {width} characters; "
                f"at most {MAX_RANGE} are supported."
            )


def _check_size(text: str, tokens: list[Token]) -> None:
    """Bound the states that the parser is going to build, by the same arithmetic on its own postfix tokens."""
    stack: list[int] = []
    for token in tokens_to_postfix(tokens):
        if isinstance(token, Literal):
            stack.append(2)
        elif isinstance(token, InfixOperator):
            right, left = stack.pop(), stack.pop()
            stack.append(left * right if isinstance(token, (IntersectionToken, ShuffleToken)) else left + right + 1)
        elif isinstance(token, PostfixOperator):
            stack.append(stack.pop() * _repetitions(token) + 1)
        if stack[-1] > MAX_NFA:
            raise TooLargeError(
                f"The regular expression {text!r:.60} needs more than {MAX_NFA} intermediate states; "
                "use smaller repetition counts."
            )


def _repetitions(token: PostfixOperator) -> int:
    if not isinstance(token, QuantifierToken):
        return 1
    if token.upper_bound == 0:  # the library would read a{0} as a
        raise MachineError(f"The repetition {token.text} repeats nothing; leave it out or use () for the empty word.")
    return max(1, token.lower_bound if token.upper_bound is None else token.upper_bound)


def _determinise(nfa: NFA, letters: tuple[str, ...], text: str) -> DFA:
    """Run the Rabin-Scott subset construction, giving up after MAX_WORK elementary moves."""
    closures = nfa._get_lambda_closures()
    start: Subset = frozenset(closures[nfa.initial_state])
    rows: dict[Subset, dict[str, Subset]] = {}
    queue = deque([start])
    work = 0
    while queue:
        subset = queue.popleft()
        if subset in rows:
            continue
        rows[subset] = {}
        for letter in letters:
            moved = {target for state in subset for target in nfa.transitions.get(state, {}).get(letter, ())}
            target: Subset = frozenset().union(*(closures[state] for state in moved))
            rows[subset][letter] = target
            queue.append(target)
            work += 1 + len(subset) + len(target)
        if work > MAX_WORK:
            raise TooLargeError(
                f"The regular expression {text!r:.60} needs more than {len(rows)} states before it can be made "
                f"smaller; at most {MAX_STATES} are supported in the end, so use a simpler one."
            )
    return DFA(
        states=set(rows),
        input_symbols=set(letters),
        transitions=rows,
        initial_state=start,
        final_states={subset for subset in rows if subset & nfa.final_states},
    )


def _numbered(dfa: DFA, letters: tuple[str, ...], name: str) -> Machine:
    """Return the DFA as a Machine whose states are numbered in breadth-first order from the start."""
    number = {dfa.initial_state: 0}
    queue = deque([dfa.initial_state])
    while queue:
        state = queue.popleft()
        for letter in letters:
            target = dfa.transitions[state][letter]
            if target not in number:
                number[target] = len(number)
                queue.append(target)
    if len(number) > MAX_STATES:
        raise TooLargeError(
            f"The smallest automaton of this regular expression has {len(number)} states; "
            f"at most {MAX_STATES} are supported, so use a smaller one."
        )
    return Machine(
        name=name,
        states=state_names(len(number)),
        alphabet=letters,
        transitions=tuple(tuple(number[dfa.transitions[state][letter]] for letter in letters) for state in number),
        accepting=tuple(number[state] for state in dfa.final_states),
    )
