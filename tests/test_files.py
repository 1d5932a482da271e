import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from linattn_core.errors import LinattnError, TooLargeError
from linattn_core.files import read_npz
from linattn_core.lab import Lab
from linattn_core.machines import presets
from linattn_core.machines.export import from_json, from_toml
from linattn_core.machines.jff import open_jff
from linattn_core.traces import Traces
from linattn_core.uploads import read_pairs, read_sequences
from pages.components.machine_files import read_machine
from tests.fixtures import hostile

OPEN = {
    **{f"jff: {name}": (open_jff, data) for name, data in hostile.JFF.items()},
    **{f"json: {name}": (from_json, data) for name, data in hostile.MACHINE_JSON.items()},
    **{f"toml: {name}": (from_toml, data) for name, data in hostile.MACHINE_TOML.items()},
    **{f"pairs: {name}": (read_pairs, data) for name, data in hostile.PAIRS.items()},
    **{f"link: {name}": (Lab.from_token, token) for name, token in hostile.LINKS.items()},
    **{
        f"sequences: {name}": (lambda data, file=file: read_sequences(data, file), data)
        for name, (file, data) in hostile.SEQUENCES.items()
    },
}


def test_the_corpus_is_large():
    assert len(OPEN) >= 100


@pytest.mark.parametrize("name", OPEN)
def test_hostile_and_broken_files_and_links_are_refused_in_one_sentence(name):
    read, data = OPEN[name]
    with pytest.raises(LinattnError) as refusal:
        read(data)
    sentence = str(refusal.value)
    assert "\n" not in sentence
    assert 20 < len(sentence) < 400
    assert sentence.endswith((".", ".'", '."'))
    assert "Traceback" not in sentence
    assert " object at 0x" not in sentence


def test_no_pickle_was_ever_opened():
    for name in ("pickled array", "pickle beside"):
        file, data = hostile.SEQUENCES[name]
        with pytest.raises(LinattnError):
            read_sequences(data, file)
    assert not Path("must-not-exist.tmp").exists()


@given(st.binary(max_size=400))
@settings(max_examples=100, deadline=None)
def test_random_bytes_are_refused_everywhere(data):
    for read in (open_jff, from_json, from_toml, read_npz, read_pairs, lambda d: read_sequences(d, "x.csv")):
        try:
            read(data)
        except LinattnError:
            continue
        assert read in (from_json, from_toml, read_pairs), data


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_file_with_one_byte_altered_is_read_or_refused_but_never_breaks(data):
    spot = data.draw(st.integers(0, len(hostile.GOOD_JFF) - 1))
    byte = data.draw(st.integers(0, 255))
    altered = hostile.GOOD_JFF[:spot] + bytes([byte]) + hostile.GOOD_JFF[spot + 1 :]
    with contextlib.suppress(LinattnError):
        open_jff(altered)


# ---- what is good comes in


@given(
    st.integers(1, 4).flatmap(
        lambda n: st.tuples(
            hnp.arrays(st.sampled_from(["<f8", ">f4", "<i2", "?", "u1", "<f2"]), (n, 3, 2), elements=st.integers(0, 1)),
            hnp.arrays("<f8", (n, 3, 1), elements=st.floats(-9, 9)),
        )
    ),
    st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_npz_sequences_of_any_number_type_and_order(arrays, packed):
    Z, Y = arrays
    out = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(out, Z=np.asfortranarray(Z), Y=Y)
    read, wanted = read_sequences(out.getvalue(), "Mine.NPZ").examples(), Traces.from_sequences(Z, Y)
    assert len(read) == len(wanted)
    for (got, y), (true, y2) in zip(read, wanted, strict=True):
        assert np.array_equal(got, true)
        assert np.array_equal(y, y2)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_csv_sequences_of_different_lengths(mark):
    text = "\ufeffsequence,z1,z2,y1\none,1,0,5\none,0,1,6\ntwo,1,1,7\n".replace(",", mark)
    traces = read_sequences(text.encode(), "mine.csv").examples()
    assert [z.tolist() for z, _ in traces] == [[[1], [0]], [[1, 0], [0, 1]], [[1], [1]]]
    assert [y.tolist() for _, y in traces] == [[5], [6], [7]]


def test_pairs_with_and_without_a_header_of_their_own():
    assert read_pairs(b"note,value,key\nx,blue,sky\ny,green,grass\n") == (("sky", "blue"), ("grass", "green"))
    assert read_pairs(b"animal;sound\ncat;meow\n") == (("cat", "meow"),)


def test_a_file_just_below_the_cap_is_read():
    out = io.BytesIO()
    np.savez_compressed(out, Z=np.zeros((1000, 100, 30)), Y=np.zeros((1000, 100, 1)))
    assert len(read_npz(out.getvalue())) == 2
    big = io.BytesIO()
    np.savez_compressed(big, Z=np.zeros((1500, 100, 30)), Y=np.zeros((1000, 100, 1)))
    with pytest.raises(TooLargeError, match="unpacks to"):
        read_npz(big.getvalue())


# ---- the page's way in


@pytest.mark.parametrize("name", ["a.jff", "A.JFF", "b.json", "c.toml"])
def test_the_ending_decides(name):
    from linattn_core.machines.export import to_json, to_toml

    machine = presets()["traffic light"]
    data = {"jff": hostile.write_jff, "json": to_json, "toml": to_toml}[name.rsplit(".", 1)[1].lower()](machine)
    sketch, remarks = read_machine(data if isinstance(data, bytes) else data.encode(), name)
    assert sketch.machine() == machine
    assert remarks == ()


def test_other_files_and_turing_machines_are_sent_elsewhere():
    flip = (Path(__file__).parent / "fixtures" / "jff" / "turing-flip.jff").read_bytes()
    with pytest.raises(LinattnError, match="Turing machine"):
        read_machine(flip, "flip.jff")
    with pytest.raises(LinattnError, match="neither"):
        read_machine(b"", "x.exe")
    sketch, _ = read_machine(hostile._fa(hostile._state() + hostile._arrow()), "my\x07file" + "x" * 200 + ".jff")
    assert sketch.name.startswith("my file")
