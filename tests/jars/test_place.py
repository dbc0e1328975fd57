"""Jars are in a system as they are, each an item, where its Java can run them."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.jars.items import JarItems
from sysimage.jars.place import with_jars
from sysimage.progress import silent
from sysimage.rootfs.accounts import NO_ACCOUNTS
from sysimage.rootfs.system import ImageDefaults, SystemResult
from sysimage.rootfs.tree import Entry
from sysimage.spec import parse_spec
from sysimage.store.items import ShownFiles
from sysimage.trees.items import TreeStore
from sysimage.trees.place import with_trees
from sysimage_bootstrap.cache_prune import prune
from sysimage_bootstrap.store import ItemStore
from tests.support.jars import class_file, make_jar, pom
from tests.support.stores import make_item

JAVA: dict[str, str | bytes | None] = {
    "lib/jvm/java-17-openjdk-amd64/bin/java": b"x",
    "lib/jvm/java-17-openjdk-amd64/release": 'IMPLEMENTOR="Debian"\nJAVA_VERSION="17.0.15"\n',
}


def system(top: Path, *entries: Entry, java: dict[str, Any] | None = None) -> SystemResult:
    debian = Path(tempfile.mkdtemp(dir=top))
    libc = make_item(debian, "libc6-2.41-12", {"lib/x86_64-linux-gnu/libc.so.6": "x"})
    runtime = make_item(debian, "runtime-17", JAVA if java is None else java)
    hidden = make_item(debian, "hidden-1", {"bin/java": b"x"})
    items = tuple(replace(item, shown=ShownFiles()) for item in (libc, runtime, replace(hidden, location=None)))
    return SystemResult(libc.path, None, (*items, hidden), None, tuple(entries), ImageDefaults((), (), None, {}))


def store(top: Path) -> ItemStore:
    return ItemStore(top / "cache/store", "/gnu/store")


def placed(
    top: Path, *entries: Entry, jars: tuple[str, ...] = ("lib",), java: dict[str, Any] | None = None, **said: Any
) -> SystemResult:
    spec = parse_spec(
        json.dumps({"name": "web", "packages": [], "java": {"jars": jars, "at": "/srv/shop/lib"}, **said})
    )
    items = JarItems(store(top), "/srv/shop/lib", top / "cache/jars/contents")
    return with_jars(spec, top, system(top, *entries, java=java), items, silent)


def shown(top: Path, **said: Any) -> dict[str, Path]:
    """The files of jars by their paths in the image."""
    result = placed(top, **said)
    found = {}
    for item in result.items:
        if item.path in result.other_roots:
            assert item.shown is not None
            for file in item.place.rglob("*"):
                if not file.is_dir():
                    found[f"{item.shown.top}/{file.relative_to(item.place)}"] = file
    return found


def faults(top: Path, *entries: Entry, **said: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        placed(top, *entries, **said)
    return [f"{issue.where}: {issue.message}" for issue in caught.value.issues]


def test_each_jar_is_an_item_with_the_very_bytes(tmp_path: Path) -> None:
    one = make_jar(tmp_path / "lib/guava-33.0.0-jre.jar", {"META-INF/SIGNER.SF": "x", "META-INF/SIGNER.RSA": "y"})
    two = make_jar(tmp_path / "lib/nested/Upper.JAR")
    one.chmod(0o700)
    files = shown(tmp_path)
    assert {path: file.read_bytes() for path, file in files.items()} == {
        "/srv/shop/lib/guava-33.0.0-jre.jar": one.read_bytes(),
        "/srv/shop/lib/nested/Upper.JAR": two.read_bytes(),
    }
    assert {file.stat().st_mode & 0o7777 for file in files.values()} == {0o444}
    names = [path.name for path in store(tmp_path).registered()]
    assert sorted(names) == ["java-Upper", "java-guava-33.0.0-jre"]


def test_a_jar_by_itself_is_beside_those_of_directories(tmp_path: Path) -> None:
    make_jar(tmp_path / "target/shop.jar")
    make_jar(tmp_path / "target/dependency/guava.jar")
    files = shown(tmp_path, jars=("target/shop.jar", "target/dependency"))
    assert list(files) == ["/srv/shop/lib/guava.jar", "/srv/shop/lib/shop.jar"]


def test_the_store_knows_what_maven_calls_a_jar(tmp_path: Path) -> None:
    jar = make_jar(tmp_path / "lib/a-1.jar", {**pom("g", "a", "1"), **pom("g", "merged", "2")})
    (path,) = placed(tmp_path).other_roots
    assert store(tmp_path).facts(path) == {
        "sha256": hashlib.sha256(jar.read_bytes()).hexdigest(),
        "purl": "pkg:maven/g/a@1",
        "contains": ["pkg:maven/g/merged@2"],
    }


def test_an_item_follows_from_the_bytes_of_a_jar_and_its_name_alone(tmp_path: Path) -> None:
    jar = make_jar(tmp_path / "one/lib/a.jar")
    before = os.umask(0o077)
    try:
        (tmp_path / "two/lib").mkdir(parents=True)
        (tmp_path / "two/lib/a.jar").write_bytes(jar.read_bytes())
        os.utime(tmp_path / "two/lib/a.jar", (1, 1))
        roots = [placed(tmp_path / one).other_roots for one in ("one", "two")]
    finally:
        os.umask(before)
    assert roots[0] == roots[1]
    hashes = {item.nar_hash for one in ("one", "two") for item in store(tmp_path / one).items()}
    assert len(hashes) == 1


def test_an_image_without_java_is_answered_with_what_to_add(tmp_path: Path) -> None:
    make_jar(tmp_path / "lib/a.jar")
    with pytest.raises(SpecError, match="the image has no Java") as caught:
        placed(tmp_path, java={"bin/perl": b"x"})
    assert str(caught.value).startswith("cannot put jars into the image: the image has no Java")
    assert caught.value.hint == 'add "default-jre-headless" to "packages"'


def test_a_spec_without_jars_has_the_system_as_it_is(tmp_path: Path) -> None:
    spec = parse_spec(json.dumps({"name": "web", "packages": []}))
    before = system(tmp_path, java={"bin/perl": b"x"})
    items = JarItems(store(tmp_path), "/srv/shop/lib", tmp_path / "cache/jars/contents")
    assert with_jars(spec, tmp_path, before, items, silent) is before


@pytest.mark.parametrize(
    ("java", "newest"),
    [
        ({**JAVA, "lib/jvm/java-8-openjdk-amd64/release": 'JAVA_VERSION="1.8.0_412"\n'}, 17),
        ({**JAVA, "lib/jvm/a": "->java-17-openjdk-amd64", "lib/jvm/b/release": 'JAVA_VERSION="21.0.1"\n'}, 21),
        ({"bin/java": b"x", "lib/jvm/a/release": 'JAVA_VERSION="1.8.0_412"\n'}, 8),
    ],
)
def test_jars_may_need_the_newest_java_of_the_image(tmp_path: Path, java: dict[str, Any], newest: int) -> None:
    make_jar(tmp_path / "lib/a.jar", {"A.class": class_file(newest)})
    assert shown(tmp_path, java=java)
    make_jar(tmp_path / "lib/a.jar", {"A.class": class_file(newest + 1)})
    (fault,) = faults(tmp_path, java=java)
    assert f"is compiled for Java {newest + 1}, and the image has Java {newest}: " in fault


def test_progress_counts_all_jars_damaged_ones_too(tmp_path: Path) -> None:
    make_jar(tmp_path / "lib/a.jar")
    (tmp_path / "lib/b.jar").touch()
    spec = parse_spec(json.dumps({"name": "web", "packages": [], "java": {"jars": ["lib"], "at": "/srv/shop/lib"}}))
    items = JarItems(store(tmp_path), "/srv/shop/lib", tmp_path / "cache/jars/contents")
    said: list[tuple[str, int, int | None]] = []

    def progress(stage: str, done: int, total: int | None, *, unit: str = "", at: str = "") -> None:
        said.append((stage, done, total))

    with pytest.raises(SpecError, match="cannot put the jars of web into the image"):
        with_jars(spec, tmp_path, system(tmp_path), items, progress)
    assert said == [("jars", 1, 2), ("jars", 2, 2)]


@pytest.mark.parametrize("java", [{"bin/java": b"x"}, {"lib/jvm/temurin-21-jre-amd64/bin/java": b"x"}])
def test_a_java_of_another_packager_is_one(tmp_path: Path, java: dict[str, Any]) -> None:
    make_jar(tmp_path / "lib/a.jar", {"A.class": class_file(25)})
    assert shown(tmp_path, java=java)


def test_a_base_image_may_bring_the_java(tmp_path: Path) -> None:
    make_jar(tmp_path / "lib/a.jar")
    assert shown(tmp_path, java={"bin/perl": b"x"}, **{"from-image": "temurin.tar"})


def test_a_jar_for_a_newer_java_is_refused(tmp_path: Path) -> None:
    make_jar(tmp_path / "lib/a.jar", {"A.class": class_file(21)})
    make_jar(tmp_path / "lib/b.jar", {"A.class": class_file(17), "META-INF/versions/21/A.class": class_file(21)})
    (fault,) = faults(tmp_path)
    assert fault == (
        "/java/jars/0: a.jar is compiled for Java 21, and the image has Java 17: "
        "compile it with --release 17, or take a newer Java"
    )


def test_two_versions_of_an_artifact_in_one_directory_are_refused(tmp_path: Path) -> None:
    make_jar(tmp_path / "lib/a-1.jar", pom("g", "a", "1"))
    make_jar(tmp_path / "lib/a-2.jar", pom("g", "a", "2"))
    make_jar(tmp_path / "lib/b-1.0.jar")
    make_jar(tmp_path / "lib/b-1.1.jar")
    make_jar(tmp_path / "lib/plugin/a-3.jar", pom("g", "a", "3"))
    assert faults(tmp_path) == [
        "/java/jars/0: a-1.jar and a-2.jar are two versions of a: remove one",
        "/java/jars/0: b-1.0.jar and b-1.1.jar are two versions of b: remove one",
    ]


def test_other_artifacts_and_classifiers_are_no_other_versions(tmp_path: Path) -> None:
    make_jar(tmp_path / "lib/e-1.Final.jar", pom("g", "e", "1.Final"))
    make_jar(tmp_path / "lib/e-1.Final-linux-x86_64.jar", pom("g", "e", "1.Final"))
    make_jar(tmp_path / "lib/f-1.Final-linux-x86_64.jar")
    make_jar(tmp_path / "lib/f-1.Final-linux-aarch_64.jar")
    make_jar(tmp_path / "lib/a.jar", pom("g", "a", "1"))
    make_jar(tmp_path / "lib/other-a.jar", pom("h", "a", "2"))
    assert len(shown(tmp_path)) == 6


def test_two_jars_for_one_place_are_refused_unless_they_are_the_same(tmp_path: Path) -> None:
    one = make_jar(tmp_path / "lib/a.jar")
    (tmp_path / "more").mkdir()
    (tmp_path / "more/a.jar").write_bytes(one.read_bytes())
    assert len(shown(tmp_path, jars=("lib", "more"))) == 1
    make_jar(tmp_path / "more/a.jar", {"B.class": "x"})
    (fault,) = faults(tmp_path, jars=("lib", "more"))
    assert fault == f"/java/jars/1: {tmp_path}/more/a.jar and {one} are different jars for one place: a.jar"


def test_the_same_jar_by_two_names_is_two_artifacts(tmp_path: Path) -> None:
    poms = {**pom("g", "a", "1"), **pom("g", "b", "1")}
    one = make_jar(tmp_path / "lib/a.jar", poms)
    (tmp_path / "lib/b.jar").write_bytes(one.read_bytes())
    facts = [store(tmp_path).facts(path) for path in placed(tmp_path).other_roots]
    assert [(said["purl"], said["contains"]) for said in facts] == [
        ("pkg:maven/g/a@1", ["pkg:maven/g/b@1"]),
        ("pkg:maven/g/b@1", ["pkg:maven/g/a@1"]),
    ]


def test_every_jar_that_is_damaged_is_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "lib").mkdir(exist_ok=True)
        (tmp_path / f"lib/{name}.jar").write_text("version https://git-lfs.github.com/spec/v1\n")
    assert faults(tmp_path) == [
        "/java/jars/0: a.jar is not a sound jar: File is not a zip file",
        "/java/jars/0: b.jar is not a sound jar: File is not a zip file",
    ]


def test_a_secret_in_a_jar_is_refused_unless_it_is_meant(tmp_path: Path) -> None:
    make_jar(tmp_path / "lib/a.jar", {"tls/server.p12": "x"})
    path = "/srv/shop/lib/a.jar/tls/server.p12"
    for _ in range(2):  # what is remembered is refused again
        assert faults(tmp_path) == [
            "/java/jars/0: a.jar: tls/server.p12 its name says that it holds keys; leave it out of the jar, "
            f'or say "allow-secrets": ["{path}"]'
        ]
    for allowed in (path, "/srv/shop/lib/a.jar"):
        assert shown(tmp_path, **{"allow-secrets": [allowed]})


def test_a_secret_in_a_class_counts_in_a_jar_that_is_named_by_itself(tmp_path: Path) -> None:
    token = class_file(text=" ghp_" + "a" * 36)
    make_jar(tmp_path / "lib/netty.jar", {"io/netty/Ssl.class": token})
    assert shown(tmp_path)
    (fault,) = faults(tmp_path, jars=("lib/netty.jar",))
    assert fault.startswith("/java/jars/0: netty.jar: io/netty/Ssl.class contains a token of GitHub")


def test_a_link_is_followed_inside_of_the_directory_and_no_further(tmp_path: Path) -> None:
    outside = make_jar(tmp_path / "outside/a.jar")
    top = tmp_path / "spec"
    make_jar(top / "lib/guava-33.jar")
    (top / "lib/guava.jar").symlink_to("guava-33.jar")
    (top / "lib/directory.jar").symlink_to("..")
    assert len(shown(top)) == 2
    (top / "lib/out.jar").symlink_to(outside)
    (top / "lib/gone.jar").symlink_to("nowhere")
    assert [fault.rpartition(" is ")[2] for fault in faults(top)] == [
        "a link to nothing",
        "a link that leads out of the spec's directory",
    ]


def test_a_directory_without_jars_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    with pytest.raises(SpecError, match="cannot use the jars of the spec"):
        placed(tmp_path)
    assert faults(tmp_path) == ["/java/jars/0: no jar is in lib"]


def test_what_is_not_a_jar_is_named_unless_a_tree_takes_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_jar(tmp_path / "shop/lib/a.jar")
    for name in ("README", "bin/shop", "app.war"):
        (tmp_path / "shop" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "shop" / name).touch()
    (tmp_path / "shop/c").symlink_to("lib")
    placed(tmp_path, jars=("shop",))
    assert caplog.messages == [
        'shop holds what is not a jar and is left out: README, app.war, c and 1 more; "trees" takes other files'
    ]
    (tmp_path / "shop/README").unlink()
    caplog.clear()
    placed(tmp_path, jars=("shop",))
    assert "left out: app.war, c, bin/shop; " in caplog.text
    caplog.clear()
    placed(tmp_path, jars=("shop",), trees={"/srv/shop": {"source": "shop", "exclude": ["*.jar"]}})
    assert not caplog.text


def test_a_class_path_that_leads_nowhere_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_jar(tmp_path / "lib/shop.jar", Class_Path="a.jar gone.jar conf/ ../up.jar ../tree.jar")
    make_jar(tmp_path / "lib/a.jar")
    make_jar(tmp_path / "app/tree.jar")
    trees = {"/srv/shop": {"source": "app"}}
    placed(tmp_path, trees=trees, files={"/srv/shop/up.jar": {"text": ""}})
    gone = "shop.jar names jars in its Class-Path that are not there: /srv/shop/lib/gone.jar"
    assert caplog.messages == [gone]
    caplog.clear()
    (tmp_path / "app.tar").touch()  # what an archive holds is not known here
    placed(tmp_path, trees={"/srv/shop": {"source": "app.tar"}})
    assert not caplog.messages
    placed(tmp_path, trees={"/srv/shopping": {"source": "app.tar"}})
    assert caplog.messages == [f"{gone}, /srv/shop/up.jar, /srv/shop/tree.jar"]


def test_jars_inside_of_a_jar_are_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_jar(tmp_path / "lib/shop.jar", {"BOOT-INF/lib/a.jar": "", "BOOT-INF/lib/b.jar": ""})
    placed(tmp_path)
    assert caplog.messages == [
        "shop.jar holds 2 other jars, which all move when it changes: divide it, for Spring Boot with "
        "`java -Djarmode=tools -jar shop.jar extract`"
    ]


def test_a_directory_in_the_place_of_a_jar_is_refused(tmp_path: Path) -> None:
    make_jar(tmp_path / "lib/a.jar")
    (fault,) = faults(tmp_path, Entry.directory("/srv/shop/lib/a.jar", 0o755, 0, 0, "/directories/x"))
    assert fault.endswith("java-a has a file at /srv/shop/lib/a.jar, which is a directory")


def test_a_tree_with_a_file_of_a_jar_is_refused(tmp_path: Path) -> None:
    make_jar(tmp_path / "lib/a.jar")
    make_jar(tmp_path / "app/lib/a.jar")
    trees = {"/srv/shop": {"source": "app"}}
    spec = parse_spec(json.dumps({"name": "web", "packages": [], "trees": trees}))
    tree_store = TreeStore(store(tmp_path), tmp_path / "cache/trees", ())
    with pytest.raises(SpecError) as caught:
        with_trees(spec, tmp_path, placed(tmp_path, trees=trees), NO_ACCOUNTS, tree_store)
    (issue,) = caught.value.issues
    assert issue.message == "has a file at /srv/shop/lib/a.jar, where java-a has one"


def test_jars_of_builds_that_may_come_again_stay_in_the_cache(tmp_path: Path) -> None:
    make_jar(tmp_path / "lib/a.jar")
    placed(tmp_path)
    os.utime(next((tmp_path / "cache/store/var/sysimage/registered/gnu/store").iterdir()), (1, 1))
    prune(tmp_path / "cache", time.time_ns() - 10**12)
    assert len(store(tmp_path).registered()) == 1
    prune(tmp_path / "cache", time.time_ns() + 10**12)
    assert not store(tmp_path).registered()
