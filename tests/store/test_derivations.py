"""What derivations make is read alike by the room that writes images and the one that verifies them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.store.derivations import outputs_of, parse_outputs
from sysimage.store.paths import StorePath
from sysimage.verify.derivations import outputs_in
from tests.support.stores import store_path

REST = '[("/nix/store/x.drv",["out"])],[],"x86_64-linux","/bin/sh",["-c","echo"],[("out","x")])'
texts = st.text(st.sampled_from('az",()[]\\\n\t é'), max_size=6)


def quoted(text: str) -> str:
    for letter, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(letter, escaped)
    return f'"{text}"'


def written(outputs: dict[str, str], begin: str = "Derive(") -> bytes:
    """As Nix and Guix write it."""
    fields = [f'({quoted(name)},{quoted(path)},"r:sha256","")' for name, path in outputs.items()]
    return f"{begin}[{','.join(fields)}],{REST}".encode()


@given(st.dictionaries(texts, st.sampled_from(["a-1", "b.c_2"]).map(lambda name: str(store_path(name))), max_size=3))
def test_every_output_is_read_by_both(outputs: dict[str, str]) -> None:
    for begin in ("Derive(", 'DrvWithVersion("xp-dyn-drv",'):
        data = written(outputs, begin)
        assert dict(parse_outputs(data)) == {name: StorePath.parse(path) for name, path in outputs.items()}
        assert outputs_in(data) == outputs


def test_outputs_are_sorted_whatever_the_order_in_the_file() -> None:
    outputs = {name: str(store_path(name)) for name in ("out", "dev", "lib")}
    assert [name for name, _ in parse_outputs(written(outputs))] == ["dev", "lib", "out"]


@given(st.binary(max_size=40), st.integers(0, 80))
def test_both_readers_refuse_malformed_derivations(noise: bytes, cut: int) -> None:
    whole = written({"out": str(store_path("x")), "dev": str(store_path("y"))})
    for data in (noise, b"Derive([[" + noise, whole[: min(cut, whole.index(b"],[("))]):
        with pytest.raises(ValueError, match=r"derivation|texts|end|name"):
            parse_outputs(data)
        assert outputs_in(data) is None


ONE = f'("out","{store_path("x")}","","")'


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (f"[{ONE}x]", "the list of outputs does not end"),
        (f"[{ONE}", "the list of outputs does not end"),
        (f"[{ONE[:-1]},'')]", "the list of outputs does not end"),
        (f"[{ONE},]", "the list of outputs does not end"),
        (f"[{ONE},{ONE}]", "two outputs have one name"),
        (f"[{ONE};{ONE}]", "the list of outputs does not end"),
        (f"[{ONE}{ONE}]", "the list of outputs does not end"),
        (f"[{ONE[:-1]}", "the list of outputs does not end"),
        ("", "not a derivation"),
        ("[", "an output is not four texts"),
        ('[("out")]', "an output is not four texts"),
        ('[("a","b","c";"d")]', "an output is not four texts"),
        (f"[,{ONE}]", "an output is not four texts"),
    ],
)
def test_a_list_of_outputs_of_another_form_is_named(outputs: str, message: str) -> None:
    data = f"Derive({outputs}".encode()
    with pytest.raises(ValueError, match=f"^{message}$"):
        parse_outputs(data)
    assert outputs_in(data) is None


def test_a_list_of_outputs_may_be_empty_and_what_follows_it_does_not_matter() -> None:
    both = f'{ONE},("",{ONE[7:]},("dev","","","")'
    for outputs, count in (("[]", 0), (f"[{ONE}]", 1), (f"[{both}]", 2)):
        for rest in ("", ",[],", "]", "("):
            data = f"Derive({outputs}{rest}".encode()
            assert len(parse_outputs(data)) == count
            assert outputs_in(data) == {name: str(path) for name, path in parse_outputs(data)}


def test_an_output_without_a_path_is_not_known_yet() -> None:
    data = written({"out": "", "dev": str(store_path("x"))})
    assert [name for name, _ in parse_outputs(data)] == ["dev"] == list(outputs_in(data) or ())


def test_only_files_with_the_suffix_are_derivations(tmp_path: Path) -> None:
    data = written({"out": str(store_path("x"))})
    (tmp_path / "file").write_bytes(data)
    (tmp_path / "directory").mkdir()
    (tmp_path / "noise").write_bytes(b"no")
    (tmp_path / "link").symlink_to("file")
    assert outputs_of(store_path("x.drv"), tmp_path / "file") == (("out", store_path("x")),)
    assert outputs_of(store_path("x"), tmp_path / "file") == ()
    for name in ("directory", "noise", "link", "missing"):
        assert outputs_of(store_path("x.drv"), tmp_path / name) == ()
