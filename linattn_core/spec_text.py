"""The texts of a lab: TOML and JSON files, and the compact form inside a share link. Plain data in, plain data out."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from typing import Annotated, Any

import tomli_w
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from linattn_core.errors import SpecError
from linattn_core.link import pack, unpack
from linattn_core.machines import Machine, to_data, turing_data
from linattn_core.machines.names import letter_names, state_names
from linattn_core.machines.turing import TuringMachine

MAX_FILE = 512 * 1024  # characters or bytes of a lab file, besides packed numbers
MAX_PACKED = 2 * 2**20  # of a lab file with its packed numbers: one long text that costs nothing to read
_PACKED = re.compile(rb'"[A-Za-z0-9_-]{1000,}"')

# What all tokens are compressed against: changing one byte of it breaks every link that was ever shared.
_DICTIONARY = (
    b'"kind":"memory","dim":4,"unitary":0.0,"table":[["kind":"teacher","heads":1,"outputs":1,"seed":0'
    b'"positions"["minimal","typed","cuda","cpu"0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,'
    b'"accepting","rejecting","locked","start","trap","even","odd"'
    b'{"version":1,"build":{"kind":"automaton","machine":["random machine",4,2,[1,0,1,2,3,0,3,3],0,[3],null],'
    b'"encoding":"universal"},"encoding":"step"},"traces":{"count":200,"length":12,"seed":0,"noise":0.0,"withheld":[],'
    b'"extra":[]},"learner":{"ridge":0.0,"heads":"svd","device":"auto"}}'
)

_Strict = Annotated[int, Field(strict=True)]
_Labels = _Strict | list[str]  # a number stands for that many default names
# name, states, letters, transitions row by row, start, accepting, positions in hundredths
_Compact = tuple[str, _Labels, _Labels, list[_Strict], _Strict, list[_Strict], list[_Strict] | None]
_COMPACT: TypeAdapter[Any] = TypeAdapter(_Compact)
_INDICES: TypeAdapter[list[int]] = TypeAdapter(list[_Strict])


def dump_toml(data: dict[str, Any]) -> str:
    """Return the TOML text of plain data."""
    return tomli_w.dumps(data, multiline_strings=False)


def load_toml(text: str | bytes) -> Any:
    """Return the data of a TOML text. Raises ``SpecError``: too long, not text, not TOML."""
    try:
        return tomllib.loads(_text(text))
    except tomllib.TOMLDecodeError as problem:
        raise SpecError(f"The lab file is not valid TOML: {problem}.") from problem
    except RecursionError as problem:  # the standard parser has no bound of its own
        raise SpecError("The lab file is nested too deeply; no lab is.") from problem


def dump_json(data: dict[str, Any]) -> str:
    """Return the JSON text of plain data, indented."""
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def load_json(text: str | bytes) -> Any:
    """Return the data of a JSON text. Raises ``SpecError``: too long, not text, not JSON."""
    try:
        return from_json(_text(text), allow_inf_nan=False)
    except ValueError as problem:
        if isinstance(problem, SpecError):
            raise
        raise SpecError(f"The lab file is not valid JSON: {problem}.") from problem


def dump_token(data: dict[str, Any], machine: Machine | TuringMachine | None, version: int) -> str:
    """Return the share link's token of a lab's data; ``machine`` is the one in it, if any."""
    if isinstance(machine, TuringMachine):
        data = data | {"build": data["build"] | {"machine": turing_data.compact(machine)}}
    elif machine is not None:
        data = data | {"build": data["build"] | {"machine": _compact(machine)}}
        pairs = {name: _numbers(machine, data["traces"][name]) for name in ("withheld", "extra")}
        data["traces"] = data["traces"] | pairs
    return pack(json.dumps(data, separators=(",", ":"), ensure_ascii=False), version, _DICTIONARY)


def load_token(token: str, version: int) -> Any:
    """Return the lab's data of a token of this ``version`` or an earlier one, as they stand in it.

    Raises ``SpecError`` or the error of the machine in it.
    """
    try:
        data = from_json(unpack(token, version, _DICTIONARY), allow_inf_nan=False)
        build = data.get("build") if isinstance(data, dict) else None
        if isinstance(build, dict) and "machine" in build:
            if build.get("kind") == "turing":
                build["machine"] = turing_data.to_data(turing_data.expand(build["machine"]))
            else:
                _unpack_automaton(build, data.get("traces"))
    except ValidationError as problem:
        raise SpecError("The share link holds no lab; it was not made by this program.") from problem
    except ValueError as problem:
        if type(problem) is ValueError:  # not JSON; our own errors pass
            raise SpecError("The share link holds no lab; it was not made by this program.") from problem
        raise
    return data


def _unpack_automaton(build: dict[str, Any], traces: Any) -> None:
    """Put the automaton of a token back as tables, and the pairs of its traces by name."""
    machine = _expand(build["machine"])
    build["machine"] = to_data(machine)
    for name in ("withheld", "extra"):
        if isinstance(traces, dict) and name in traces and not _by_name(traces[name]):
            traces[name] = _pairs(machine, _INDICES.validate_python(traces[name]))


def _text(text: str | bytes) -> str:
    size = len(text)
    if MAX_FILE < size <= MAX_PACKED:
        data = text.encode() if isinstance(text, str) else text
        size -= sum(len(packed[0]) for packed in _PACKED.finditer(data))
    if size > MAX_FILE:
        raise SpecError(f"The lab file has {size:,} characters; at most {MAX_FILE:,} are read.")
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise SpecError("The lab file is not UTF-8 text; save it as UTF-8.") from problem


def _compact(machine: Machine) -> list[Any]:
    states, letters = machine.states, machine.alphabet
    return [
        machine.name,
        len(states) if states == state_names(len(states)) else list(states),
        len(letters) if letters == letter_names(len(letters)) else list(letters),
        [target for row in machine.transitions for target in row],
        machine.start,
        list(machine.accepting),
        None if machine.positions is None else [round(100 * x) for point in machine.positions for x in point],
    ]


def _expand(compact: Any) -> Machine:
    name, states, letters, flat, start, accepting, places = _COMPACT.validate_python(compact)
    states, letters = _names(states, state_names), _names(letters, letter_names)
    width = max(len(letters), 1)
    return Machine(
        name=name,
        states=states,
        alphabet=letters,
        transitions=_rows(flat, width),
        start=start,
        accepting=tuple(accepting),
        positions=None if places is None else tuple((x / 100, y / 100) for x, y in _rows(places, 2, whole=True)),
    )


def _names(labels: int | list[str], default: Any) -> tuple[str, ...]:
    if isinstance(labels, int):
        if not 0 <= labels <= 1000:  # the machine's own bound says the rest
            raise SpecError("The share link holds no lab; it was not made by this program.")
        return tuple(default(labels))
    return tuple(labels)


def _rows(flat: Sequence[int], width: int, *, whole: bool = False) -> tuple[tuple[int, ...], ...]:
    if whole and len(flat) % width:
        raise SpecError("The share link holds no lab; it was not made by this program.")
    return tuple(tuple(flat[i : i + width]) for i in range(0, len(flat), width))


def _numbers(machine: Machine, pairs: Sequence[Sequence[str]]) -> list[Any]:
    """Return each pair as a number; by name where one is of a larger task than the machine."""
    letters = len(machine.alphabet)
    if any(state not in machine.states or letter not in machine.alphabet for state, letter in pairs):
        return [list(pair) for pair in pairs]
    return [machine.state_index(state) * letters + machine.letter_index(letter) for state, letter in pairs]


def _by_name(pairs: Any) -> bool:
    return isinstance(pairs, list) and bool(pairs) and all(isinstance(pair, list) for pair in pairs)


def _pairs(machine: Machine, numbers: Sequence[int]) -> list[tuple[str, str]]:
    letters = len(machine.alphabet)
    if any(not 0 <= number < len(machine.states) * letters for number in numbers):
        raise SpecError("The share link holds no lab; it was not made by this program.")
    return [(machine.states[number // letters], machine.alphabet[number % letters]) for number in numbers]
