"""Images that are brought from place to place: which places names mean, and what is reported of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sysimage import api
from sysimage.api.copying import target_of
from sysimage.destinations.daemon import Engine
from sysimage.destinations.registry import PushTarget
from sysimage.pipeline.transfer import IntoArchive, IntoLayout
from tests.destinations.registry_server import running
from tests.pipeline.test_transfer import two_platforms
from tests.support.images import BuiltImage, build_image

ENGINE = """#!/bin/sh
echo "$@" >> said
case $1 in
save) test "$2" = team/web:1 || { echo "no such image: $2" >&2; exit 1; }; cat image.tar ;;
load) cat > loaded.tar ;;
esac
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> BuiltImage:
    return build_image(tmp_path_factory.mktemp("small"))


@pytest.fixture
def engines(small: BuiltImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> api.Settings:
    """The working directory has image.tar; an engine saves it, and loads into loaded.tar."""
    monkeypatch.chdir(tmp_path)
    small.archive(tmp_path / "image.tar")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/nerdctl").write_text(ENGINE)
    (tmp_path / "bin/nerdctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    return api.Settings(environ={"PATH": os.environ["PATH"]})


def test_an_image_comes_out_of_an_engine_and_goes_into_one(engines: api.Settings, small: BuiltImage) -> None:
    digest = small.image.manifest.descriptor.digest
    layers = len({layer.descriptor.digest for layer in small.image.layers})
    out = api.copy("nerdctl:team/web:1", "out.tar", settings=engines)
    assert (out.digest, out.layers, out.transfers) == (digest, layers, ())
    assert (out.source, out.targets) == ("nerdctl:team/web:1", ("out.tar",))
    assert api.verify("out.tar").digest == digest
    into = api.copy(Path("image.tar"), "nerdctl:", settings=engines)
    assert (into.digest, into.source, into.targets, into.transfers) == (digest, "image.tar", ("nerdctl:",), ())
    assert api.inspect("loaded.tar").digest == digest
    assert Path("said").read_text() == "save team/web:1\nload\n"
    with running() as registry:
        name = f"{registry.address}/team/small:1"
        pushed = api.push("nerdctl:team/web:1", [name], settings=engines)
    assert (pushed.digest, pushed.source, pushed.targets) == (digest, "nerdctl:team/web:1", (name,))
    with pytest.raises(api.MachineError, match="no such image: other:1"):
        api.copy("nerdctl:other:1", "x.tar", settings=engines)
    assert not Path("x.tar").exists()


def test_a_file_or_a_registry_whose_name_looks_like_an_engines_is_what_it_is(engines: api.Settings) -> None:
    Path("image.tar").rename("docker:web")
    assert api.copy("docker:web", "out.tar", settings=engines).source == "docker:web"
    for place in ("docker:", "docker"):
        with pytest.raises(api.SpecError, match=f"cannot read {place}"):
            api.copy(place, "x.tar", settings=engines)
    with pytest.raises(api.RegistryError, match="the network is off"):
        api.copy("docker://host.test/web", "x.tar", settings=api.Settings(offline=True))
    assert not Path("said").exists(), "no engine was asked"


def test_an_image_is_read_under_the_name_that_is_asked_for(engines: api.Settings) -> None:
    for tag in ("one", "two"):
        api.copy("image.tar", f"images:{tag}", settings=engines)
    for read in (api.verify, api.inspect):
        for place, name, found in (
            *(("images", "one", "one"), ("images", "two", "two"), ("images:one", None, "one")),
            *(("images:two", None, "two"), ("images:one", "two", "two")),
        ):
            assert read(place, name=name).names == (found,)


def test_a_push_to_several_repositories_reports_each(engines: api.Settings, small: BuiltImage) -> None:
    with running() as registry:
        names = [f"{registry.address}/{name}" for name in ("team/small:2", "team/small:1", "other/small:1")]
        pushed = api.push("image.tar", names, settings=engines)
        assert [one.names for one in pushed.transfers] == [(names[0], names[1]), (names[2],)]
        layers = len({layer.descriptor.digest for layer in small.image.layers})
        assert [one.layers for one in pushed.transfers] == [layers] * 2
        assert pushed.transfers[0].sent == pushed.transfers[0].size
        assert pushed.transfers[1].size == pushed.size
        assert pushed.transfers[0].layers_there == 0
        assert (pushed.layers, pushed.targets) == (layers, tuple(names))
        assert api.tags(f"{registry.address}/team/small", settings=engines) == ("1", "2")
        copied = api.copy("image.tar", names[0], settings=engines)
        assert [(one.names, one.sent) for one in copied.transfers] == [((names[0],), 0)]
        assert copied.targets == (names[0],)
        back = api.copy(names[0], "back.tar", settings=engines)
        assert (back.source, back.targets, back.transfers) == (names[0], ("back.tar",), ())
        assert api.verify("back.tar").digest == pushed.digest
    with pytest.raises(api.SpecError) as caught:
        api.push("image.tar", [], settings=engines)
    assert caught.value.message == "cannot push to nowhere: name an image in a registry"
    with pytest.raises(api.RegistryError, match="the network is off"):
        api.push("image.tar", names, settings=api.Settings(offline=True))


def test_one_platform_of_several_is_chosen_on_the_way(engines: api.Settings, small: BuiltImage) -> None:
    both = two_platforms(small, Path("both"))
    for platform in ("linux/amd64", "linux/arm64"):
        expected = api.inspect(both, platform=platform).digest
        assert api.copy(both, "one.tar", platform=platform, settings=engines).digest == expected
        with running() as registry:
            name = f"{registry.address}/team/small:1"
            assert api.push(both, [name], platform=platform, settings=engines).digest == expected
            assert api.copy(both, name, platform=platform, settings=engines).digest == expected
            assert api.inspect(name, settings=engines).digest == expected


def test_what_is_there_counts_before_the_form_of_a_name(engines: api.Settings) -> None:
    for name in ("here", "host.test", "docker"):
        Path(name).mkdir()
    Path("images.test").touch()
    docker = Engine("docker", environment=engines.variables)
    layouts: dict[str, Any] = {
        "here": IntoLayout(Path("here")),
        "here/": IntoLayout(Path("here/")),
        "oci:here": IntoLayout(Path("here")),
        "new/": IntoLayout(Path("new")),
        "oci:new": IntoLayout(Path("new")),
        "oci:host.test/web:1": IntoLayout(Path("host.test/web"), "1"),
        "here:1.0": IntoLayout(Path("here"), "1.0"),
        "here:1.tar": IntoLayout(Path("here"), "1.tar"),
        "here:": IntoArchive(Path("here:")),
        "images:web": IntoLayout(Path("images"), "web"),
        "images:": IntoArchive(Path("images:")),
        ":web": IntoArchive(Path(":web")),
        "docker:web": IntoLayout(Path("docker"), "web"),
        "images:web.tar": IntoArchive(Path("images:web.tar")),
        "web.tar": IntoArchive(Path("web.tar")),
        "web": IntoArchive(Path("web")),
        "docker:": docker,
        "nerdctl:": Engine("nerdctl", environment=engines.variables),
        "host.test/web:1": PushTarget.parse("host.test/web:1"),
        "host.test:5000/web:1": PushTarget.parse("host.test:5000/web:1"),
        "docker://team/web": PushTarget.parse("docker://team/web"),
        "other.test/web:1": PushTarget.parse("other.test/web:1"),
    }
    assert {name: target_of(name, engines) for name in layouts} == layouts
    Path("host.test/web:1").touch()
    assert target_of("host.test/web:1", engines) != PushTarget.parse("host.test/web:1"), "a file is there"
    with pytest.raises(api.SpecError) as caught:
        target_of("podman:web:1.4", engines)
    assert caught.value.message == "cannot copy to podman:web:1.4: an image keeps its own name"
    assert caught.value.hint == "say podman:"
