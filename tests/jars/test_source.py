"""Which files a spec names as jars, and what is known of each by its bytes and its name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sysimage.errors import IntegrityError, MachineError, SpecError
from sysimage.jars.item_name import item_name
from sysimage.jars.items import JarItems
from sysimage.jars.source import FoundJars, find_jars
from sysimage.spec.java import Java
from sysimage_bootstrap.store import ItemStore
from tests.support.jars import make_jar, pom


def found(top: Path, *jars: str) -> FoundJars:
    return find_jars(Java(jars=jars, at="/srv"), top)


def items(top: Path) -> JarItems:
    return JarItems(ItemStore(top / "cache/store", "/gnu/store"), "/srv", top / "cache/jars/contents")


def test_jars_are_sorted_by_where_they_are_to_be_and_have_their_place_in_the_spec(tmp_path: Path) -> None:
    for path in ("z/b.jar", "z/a/c.JAR", "a.jar", "y/no.jars", "y/d.jar"):
        make_jar(tmp_path / path)
    jars = found(tmp_path, "z", "a.jar", "y").jars
    assert [(jar.path, jar.where, jar.is_named) for jar in jars] == [
        ("a.jar", "/java/jars/1", True),
        ("a/c.JAR", "/java/jars/0", False),
        ("b.jar", "/java/jars/0", False),
        ("d.jar", "/java/jars/2", False),
    ]


def test_of_the_same_jar_in_two_directories_the_first_counts(tmp_path: Path) -> None:
    one = make_jar(tmp_path / "one/a.jar")
    (tmp_path / "two").mkdir()
    (tmp_path / "two/a.jar").write_bytes(one.read_bytes())
    (jar,) = found(tmp_path, "two", "one").jars
    assert jar.place == tmp_path / "two/a.jar"


def test_what_is_left_out_is_reported_in_a_fixed_order(tmp_path: Path) -> None:
    for number in (5, 3, 7, 1, 8, 2, 6, 4):
        (tmp_path / f"lib/{number}").mkdir(parents=True)
        (tmp_path / f"lib/{number}/x").touch()
    make_jar(tmp_path / "lib/9/a.jar")
    said = 'lib holds what is not a jar and is left out: 1/x, 2/x, 3/x{}; "trees" takes other files'
    assert found(tmp_path, "lib").left_out == (said.format(" and 5 more"),)
    taken = tuple(tmp_path / f"lib/{number}" for number in range(4, 9))
    assert find_jars(Java(jars=("lib",), at="/srv"), tmp_path, taken).left_out == (said.format(""),)


def test_a_jar_that_is_not_there_is_the_machines_fault(tmp_path: Path) -> None:
    with pytest.raises(MachineError) as caught:
        found(tmp_path, "gone.jar")
    assert (
        str(caught.value) == f"cannot read the jars {tmp_path}/gone.jar: No such file or directory: {tmp_path}/gone.jar"
    )


def test_names_that_an_image_cannot_have_are_refused(tmp_path: Path) -> None:
    top = tmp_path / "lib"
    for path in (".wh.a.jar", ".wh.d/b.jar", "c.wh.jar", os.fsdecode(b"\xff.jar"), ".a.jar/x.jar"):
        make_jar(top / path)
    with pytest.raises(SpecError) as caught:
        found(tmp_path, "lib")
    whiteout = 'has a jar whose name begins with ".wh.": layers mark deleted files so'
    assert {(issue.where, issue.message) for issue in caught.value.issues} == {
        ("/java/jars/0", f"{top} {whiteout}"),
        ("/java/jars/0", f"{top}/.wh.d {whiteout}"),
        ("/java/jars/0", f"{top} has a jar whose name is not UTF-8"),
    }


def test_a_jar_is_read_once_for_its_bytes_and_its_name(tmp_path: Path) -> None:
    make_jar(tmp_path / "b.jar", {**pom("g", "a", "1"), **pom("g", "b", "1")})
    (jar,) = found(tmp_path, "b.jar").jars
    contents = items(tmp_path).contents(jar)
    jar.place.unlink()
    assert items(tmp_path).contents(jar) == contents


def test_a_jar_that_changes_while_it_is_copied_is_refused(tmp_path: Path) -> None:
    make_jar(tmp_path / "a.jar")
    (jar,) = found(tmp_path, "a.jar").jars
    contents = items(tmp_path).contents(jar)
    make_jar(tmp_path / "a.jar", {"B.class": "x"})
    with pytest.raises(IntegrityError, match=r"cannot copy .*a\.jar: it was changed meanwhile"):
        items(tmp_path).item(jar, contents)
    assert not items(tmp_path).store.registered()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("lib/guava-33.0.0-jre.jar", "java-guava-33.0.0-jre"),
        ("a b/Grüße (1)=+._.jar", "java-Gr-e-1-=+._"),
        (f"{'x' * 200}.jar", f"java-{'x' * 145}"),
    ],
)
def test_the_name_of_an_item_is_that_of_the_jar_in_letters_that_stores_take(path: str, name: str) -> None:
    assert item_name(path) == name
