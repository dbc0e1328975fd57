"""Variables of packs: read from what Guix writes, by the shell's rules, and never left out without a message."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.errors import SpecError
from sysimage.from_store.item_files import ItemFiles
from sysimage.from_store.search_paths import assignments, search_paths
from tests.support.store_builder import Program, StoreBuilder

WRITTEN_BY_GUIX = (Path(__file__).parent / "guix_profile" / "profile").read_text()
"""How it was made is in make.scm beside it; tests/guix makes it again."""
IN_IT = "/gnu/store/pppppppppppppppppppppppppppppppp-profile"
VARIABLES = ["PATH", "GUIX_PROFILE", "OTHER", "A1"]


def evaluated_by_sh(script: str, environment: dict[str, str]) -> dict[str, str]:
    """What a shell says that the variables are after the script."""
    names = " ".join(VARIABLES)
    before = "".join(f"{name}='{value}'\n" for name, value in environment.items())
    report = f"""
for name in {names}; do
    eval "test -n \\"\\${{$name+x}}\\" && printf '%s=%s\\0' $name \\"\\$$name\\""
done"""
    shell = ["/bin/sh", "-c", f"unset {names}\n{before}{script}{report}"]
    done = subprocess.run(shell, env={"LC_ALL": "C.UTF-8"}, capture_output=True)
    assert done.stderr == b""
    return dict(entry.decode().split("=", 1) for entry in done.stdout.split(b"\0")[:-1])


def test_every_variable_of_a_profile_that_guix_made_is_read() -> None:
    top = "/gnu/store/a"
    assert assignments(WRITTEN_BY_GUIX, {"GUIX_PROFILE": top}) == {
        "PATH": f"{top}/bin:{top}/sbin",
        "GUILE_LOAD_COMPILED_PATH": f"{top}/lib/guile/3.0/site-ccache:{top}/share/guile/site/3.0",
        "GUILE_LOAD_PATH": f"{top}/share/guile/site/3.0",
        "TEXMF": f"{top}/share/texmf",
        "XML_CATALOG_FILES": f"{top}/xml/catalog.xml",
        "SSL_CERT_FILE": f"{top}/etc/ssl/certs/ca-certificates.crt",
        "SSL_CERT_DIR": f"{top}/etc/ssl/certs",
        "TZDIR": f"{top}/share/zoneinfo",
    }
    assert assignments(WRITTEN_BY_GUIX, {})["TZDIR"] == f"{IN_IT}/share/zoneinfo"


BARE = st.text("abc/.:_-+=,@%", min_size=1, max_size=6)
PARAMETER = st.one_of(
    st.sampled_from(VARIABLES).map("${}".format),
    st.sampled_from(VARIABLES).map("${{{}}}".format),
    st.builds("${{{}:{}{}}}".format, st.sampled_from(VARIABLES), st.sampled_from("-+"), st.text("ab/: .", max_size=4)),
)
QUOTED = st.lists(
    st.one_of(
        st.text("ab/ :;#'&*|é~!", min_size=1, max_size=5),
        PARAMETER,
        st.sampled_from(["\\\\", '\\"', "\\$", "\\`", "\\a"]),
    )
)
WORD = st.lists(
    st.one_of(
        BARE,
        QUOTED.map(lambda parts: f'"{"".join(parts)}"'),
        st.text("ab/ $\"\\`#;*", max_size=5).map("'{}'".format),
        st.sampled_from(["\\ ", "\\$", "\\'", "\\\"", "\\#"]),
    ),
    max_size=4,
).map("".join)  # fmt: skip
LINE = st.one_of(
    st.builds(
        "export {}={}{}".format, st.sampled_from(VARIABLES), WORD, st.sampled_from(["", " ", ";", " # said", " ;"])
    ),
    st.sampled_from(["", "# a comment \\", "  "]),
)


@settings(max_examples=60)
@given(
    st.lists(LINE, max_size=4).map("\n".join), st.dictionaries(st.sampled_from(VARIABLES), st.text("ab /", max_size=3))
)
def test_a_script_of_assignments_means_what_it_means_to_a_shell(script: str, environment: dict[str, str]) -> None:
    assert {**environment, **assignments(script, environment)} == evaluated_by_sh(script, environment)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("PATH=/bin", "is not an exported assignment"),
        ("source /etc/bashrc", "is not an exported assignment"),
        ("if test -e /x; then export A=b; fi", "is not an exported assignment"),
        ('export A="$(date)"', "is not a value"),
        ("export A=`date`", "is not a value"),
        ("export A=$(date)", "is not a value"),
        ("export A=${B#x}", "is not a value"),
        ("export A=${B:-$(date)}", "is not a value"),
        ("export A=b C=d", "is not a value"),
        ("export A=b; rm -rf /", "is not a value"),
        ("export A=b && rm -rf /", "is not a value"),
        ("export A=*", "is not a value"),
        ("export A=~", "is not a value"),
        ('export A="b', "a quote is not closed"),
        ("export A='b", "is not a value"),
        ("export A=b\\", "is not a value"),
    ],
)
def test_what_is_more_than_an_assignment_is_an_error_with_its_line(line: str, fault: str) -> None:
    with pytest.raises(ValueError, match="2") as error:
        assignments(f"# first\n{line}\nexport B=c", {})
    ((number, text),) = error.value.args[0]
    assert number == 2
    assert fault in text


def items(tmp_path: Path, profiles: dict[str, str | None]) -> tuple[list[object], ItemFiles]:
    store = StoreBuilder(tmp_path / "store")
    for name, profile in profiles.items():
        tree: dict[str, object] = {"bin": {name: Program("#!/bin/sh\n")}}
        if profile is not None:
            tree |= {"manifest": "(manifest (version 4) (packages ()))\n", "etc": {"profile": profile}}
        store.add(name, tree)
    closure = store.closure(*profiles)
    paths = {item.path.name: item.path for item in closure}
    return [paths[name] for name in profiles], ItemFiles(closure)


def test_what_several_items_set_adds_up_with_the_first_ones_first(tmp_path: Path) -> None:
    roots, files = items(tmp_path, {"one": WRITTEN_BY_GUIX, "plain": None, "two": WRITTEN_BY_GUIX})
    one, plain, two = map(str, roots)
    found = search_paths(roots, files, {})  # type: ignore[arg-type]
    assert found["PATH"] == f"{one}/bin:{one}/sbin:{plain}/bin:{two}/bin:{two}/sbin"
    assert found["XML_CATALOG_FILES"] == f"{one}/xml/catalog.xml {two}/xml/catalog.xml"
    assert found["TZDIR"] == f"{one}/share/zoneinfo"


def test_what_items_set_comes_before_what_the_image_below_has(tmp_path: Path) -> None:
    (root,), files = items(tmp_path, {"one": WRITTEN_BY_GUIX})
    below = {"PATH": "/usr/bin", "TEXMF": "/texmf", "TZDIR": "/zones", "OTHER": "x"}
    found = search_paths([root], files, below)  # type: ignore[list-item]
    assert found["PATH"] == f"{root}/bin:{root}/sbin:/usr/bin"
    assert found["TEXMF"] == f"{root}/share/texmf:/texmf"
    assert found["TZDIR"] == f"{root}/share/zoneinfo"
    assert "OTHER" not in found


def test_the_script_of_an_item_beside_profiles_is_not_read(tmp_path: Path) -> None:
    store = StoreBuilder(tmp_path / "store")
    store.add("files", {"bin": {"x": Program("#!/bin/sh\n")}, "etc": {"profile": "if true; then echo; fi\n"}})
    closure = store.closure("files")
    assert search_paths(closure.roots, ItemFiles(closure), {}) == {"PATH": f"{closure.roots[0]}/bin"}


def test_a_profile_that_cannot_be_read_is_refused_with_every_line(tmp_path: Path) -> None:
    roots, files = items(tmp_path, {"one": "export A=$(x)\nexport B=c\ny\n"})
    with pytest.raises(SpecError, match="not as Guix writes it") as error:
        search_paths(roots, files, {})  # type: ignore[arg-type]
    assert [issue.line for issue in error.value.issues] == [1, 3]
