"""What is read in a jar: whose it is, which Java it needs, and what it should not hold."""

from __future__ import annotations

import subprocess
from pathlib import Path
from zipfile import ZIP_LZMA

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.errors import IntegrityError
from sysimage.jars.archive import JarContents, named, read_jar
from sysimage.jars.manifest import Artifact, main_attributes, reached
from tests.support.jars import class_file, make_jar, pom

GUAVA = Artifact("com.google.guava", "guava", "33.0.0-jre")


def read(place: Path, *arguments: object, **said: str) -> JarContents:
    return read_jar(make_jar(place, *arguments, **said), place.name)  # type: ignore[arg-type]


def test_a_jar_of_maven_says_what_it_is(tmp_path: Path) -> None:
    contents = read(tmp_path / "guava-33.0.0-jre.jar", pom("com.google.guava", "guava", "33.0.0-jre"))
    assert contents.artifact == GUAVA
    assert GUAVA.purl == "pkg:maven/com.google.guava/guava@33.0.0-jre"


def test_what_was_merged_into_a_jar_is_not_what_it_is(tmp_path: Path) -> None:
    poms = {**pom("com.google.guava", "guava", "33.0.0-jre"), **pom("org.example", "shop", "1+2")}
    contents = read(tmp_path / "shop-1+2-all.jar", poms)
    assert contents.artifact is not None
    assert contents.artifact.purl == "pkg:maven/org.example/shop@1%2B2"
    assert contents.contained == (GUAVA,)


def test_a_jar_with_another_name_is_the_only_artifact_in_it_or_unknown(tmp_path: Path) -> None:
    one = pom("com.google.guava", "guava", "33.0.0-jre")
    alone = read(tmp_path / "app.jar", one)
    assert alone == JarContents(GUAVA)
    shop = Artifact("org.example", "shop", "1")
    two = read(tmp_path / "shopping.jar", {**pom("org.example", "shop", "1"), **one})
    assert (two.artifact, two.contained) == (None, (GUAVA, shop))


def test_of_several_artifacts_a_jar_is_the_longest_that_its_name_begins_with(tmp_path: Path) -> None:
    poms = {**pom("g", "log4j", "1"), **pom("g", "log4j-api", "2"), **pom("g", "log", "3"), "x/pom.properties": "x"}
    for name in ("log4j-api-2.jar", "log4j-api.jar"):
        contents = read(tmp_path / name, poms)
        assert contents.artifact == Artifact("g", "log4j-api", "2")
        assert contents.contained == (Artifact("g", "log", "3"), Artifact("g", "log4j", "1"))


def test_what_a_jar_is_does_not_depend_on_the_order_inside(tmp_path: Path) -> None:
    found = [Artifact(group, "shop", "1") for group in "abcdefgh"]
    poms = [pom(one.group, one.name, one.version) for one in (*found[4:], *found[:4])]
    contents = read(tmp_path / "shop-1.jar", {path: text for one in poms for path, text in one.items()})
    assert (contents.artifact, contents.contained) == (found[0], tuple(found[1:]))


@pytest.mark.parametrize(
    ("text", "artifact"),
    [
        ("version = 1 \r\n\r\n#artifactId=b\n!groupId=h\nartifactId=a\rgroupId = g=x\nname\n", ("g=x", "a", "1")),
        ("groupId=g\nartifactId=a\n", None),
        ("groupId=g\nartifactId=a\nversion=\n", None),
        ("groupId=g\nartifactId=\x1b[31m\nversion=1\n", None),
    ],
)
def test_properties_name_an_artifact_if_they_say_all_of_it(text: str, artifact: tuple[str, str, str] | None) -> None:
    assert Artifact.of(text.encode()) == (None if artifact is None else Artifact(*artifact))


def test_a_package_url_has_no_letter_that_means_something_in_it() -> None:
    assert Artifact("g/h", "a@b", "1:2").purl == "pkg:maven/g%2Fh/a%40b@1%3A2"


def test_the_oldest_class_says_which_java_a_jar_needs(tmp_path: Path) -> None:
    files = {
        "a/A.class": class_file(17),
        "a/B.class": class_file(21),
        "module-info.class": class_file(9),
        "META-INF/versions/9/a/A.class": class_file(9),
        "a/Odd.class": b"none of these",
        "a/Short.class": class_file(1)[:7],
        "a/no-class": class_file(1),
    }
    assert read(tmp_path / "a.jar", files).java == 17
    assert read(tmp_path / "b.jar", {"module-info.class": class_file(9)}).java is None


def test_a_secret_is_found_by_its_name_and_in_its_text(tmp_path: Path) -> None:
    token = "ghp_" + "a" * 36
    late = b" " * (1 << 20) + token.encode()
    files = {"tls/server.jks": "", "application.properties": f"t={token}", "A.class": "x", ".ssh/a": "", "z": late}
    assert read(tmp_path / "a.jar", {**files, "id_rsa/": ""}).secrets == (
        ("tls/server.jks", "its name says that it holds keys"),
        ("application.properties", "contains a token of GitHub"),
        (".ssh/a", "its name says that it holds keys"),
        ("z", "contains a token of GitHub"),
    )


def test_jars_inside_of_a_jar_are_counted(tmp_path: Path) -> None:
    inner = {"BOOT-INF/lib/a.jar": "x", "BOOT-INF/lib/b.jar": "x", "c.jar/": "", "d.jars": "x"}
    contents = read(tmp_path / "a.jar", inner)
    assert contents.jars == 2
    assert contents == JarContents(None, jars=2)


def test_what_was_read_is_the_same_when_it_is_remembered(tmp_path: Path) -> None:
    files = {**pom("a", "b", "1"), **pom("a", "c", "1"), "A.class": class_file(), ".env": "", "x.jar": ""}
    for contents in (read(tmp_path / "b-1.jar", files, Class_Path="x.jar y.jar"), read(tmp_path / "x.jar", {"a": ""})):
        assert JarContents.loads(contents.dumps()) == contents


@pytest.mark.parametrize("cut", [0, 10, 200, -1, -30])
def test_a_jar_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    place = make_jar(tmp_path / "a.jar", {"A.class": "x" * 500})
    place.write_bytes(place.read_bytes()[:cut])
    with pytest.raises(IntegrityError, match=r"cannot use .*a\.jar: it is not a sound jar") as caught:
        read_jar(place, "lib.jar")
    assert [issue.where for issue in caught.value.issues] == ["lib.jar"]


def test_a_jar_with_a_damaged_byte_is_refused(tmp_path: Path) -> None:
    place = make_jar(tmp_path / "a.jar", {"A.class": "x" * 500}, compression=0)
    place.write_bytes(place.read_bytes().replace(b"x" * 500, b"x" * 499 + b"y"))
    with pytest.raises(IntegrityError, match="Bad CRC"):
        read_jar(place, "a.jar")


def test_a_jar_that_only_others_than_java_can_read_is_refused(tmp_path: Path) -> None:
    place = make_jar(tmp_path / "a.jar", {"A.class": "x"}, compression=ZIP_LZMA)
    with pytest.raises(IntegrityError) as caught:
        read_jar(place, "a.jar")
    (issue,) = caught.value.issues
    assert issue.message == "META-INF/MANIFEST.MF is compressed in a way that Java cannot read"


def test_a_jar_that_begins_with_a_script_is_read(tmp_path: Path) -> None:
    place = make_jar(tmp_path / "a.jar", {"A.class": class_file(17)})
    place.write_bytes(b"#!/bin/sh\nexec java -jar $0\n" + place.read_bytes())
    assert read_jar(place, "a.jar").java == 17


def test_a_manifest_is_read_as_java_writes_it() -> None:
    text = b"Manifest-Version: 1.0\r\nClass-Path: lib/a.jar lib/lo\r\n ng.jar\r\n\r\nName: x\r\nClass-Path: no.jar\r\n"
    assert main_attributes(text) == {"manifest-version": "1.0", "class-path": "lib/a.jar lib/long.jar"}
    assert main_attributes(b" none\nNAME :  a\rNone\n") == {"name": " a", "none": ""}


def test_a_class_path_leads_to_files_beside_the_jar() -> None:
    entries = (
        "lib/a%20b.jar",
        "../c.jar",
        "/opt/d.jar",
        "classes/",
        "https://example.org/e.jar",
        "http://[",
        "?",
        "//h/f.jar",
    )
    assert list(reached(entries, "/srv/shop/shop.jar")) == ["/srv/shop/lib/a b.jar", "/srv/c.jar", "/opt/d.jar"]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_and_properties(data: bytes) -> None:
    main_attributes(data)
    Artifact.of(data)


@pytest.mark.parametrize(
    ("name", "artifact", "version"),
    [
        ("guava-33.0.0-jre.jar", "guava", "33.0.0"),
        ("cats-core_2.13-2.9.0.jar", "cats-core_2.13", "2.9.0"),
        ("log4j-1.2-api-2.20.0.jar", "log4j-1.2-api", "2.20.0"),
        ("netty-epoll-4.1.1.Final-linux-x86_64.jar", "netty-epoll", "4.1.1.Final"),
        ("shop.jar", "shop", ""),
    ],
)
def test_the_name_of_a_file_says_artifact_and_version(name: str, artifact: str, version: str) -> None:
    assert named(name) == (artifact, version)


@pytest.mark.programs
def test_a_jar_of_the_jdk_is_read(tmp_path: Path) -> None:
    (tmp_path / "A.java").write_text("public class A { }")
    (tmp_path / "m").write_text("Class-Path: lib/" + "x" * 100 + ".jar\n")
    subprocess.run(["javac", "--release", "11", "A.java"], cwd=tmp_path, check=True)
    subprocess.run(["jar", "cfm", "a.jar", "m", "A.class"], cwd=tmp_path, check=True)
    contents = read_jar(tmp_path / "a.jar", "a.jar")
    assert (contents.java, contents.class_path) == (11, ("lib/" + "x" * 100 + ".jar",))
