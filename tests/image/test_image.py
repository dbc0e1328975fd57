"""The documents of an image, byte by byte, and what an image cannot be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sysimage.blobs import Descriptor, media_types
from sysimage.digest import Digest
from sysimage.image import EncodedDocument, HealthCheck, Image, ImageConfig, ImageName, canonical_json, make_image
from sysimage.layers import LayerBlob


def layer(name: str, size: int = 2048) -> LayerBlob:
    diff_id = Digest.of(name.encode())
    blob = Descriptor(media_types.LAYER_GZIP, Digest.of(name.encode() + b" compressed"), size // 2)
    return LayerBlob(blob, diff_id, size, name)


LAYERS = (layer("glibc"), layer("the rest"), layer("customization"))


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
@pytest.mark.parametrize(
    "field", ["env", "labels", "entrypoint", "cmd", "volumes", "user", "working_dir", "healthcheck"]
)
def test_no_configuration_holds_what_no_program_can_be_given(field: str, text: str) -> None:
    pairs, path = (("A", text),), f"/{text}"
    said = {"env": pairs, "labels": pairs, "entrypoint": (text,), "cmd": (text,), "volumes": (path,), "user": text,
            "working_dir": path, "healthcheck": HealthCheck((text,))}  # fmt: skip
    with pytest.raises(ValueError, match="not a text"):
        ImageConfig("amd64", **{field: said[field]})  # type: ignore[arg-type]


def test_the_configuration_says_everything_in_the_specs_words() -> None:
    config = ImageConfig(
        "arm64",
        variant="v8",
        created=1_700_000_000,
        author="somebody",
        entrypoint=("/boot", "/gnu/store/system"),
        cmd=("--verbose",),
        env=(("PATH", "/bin"), ("A", "b=c")),
        working_dir="/srv",
        user="www:www",
        exposed_ports=("80", "53/udp"),
        volumes=("/var/lib/data",),
        labels=(("b", "2"), ("a", "1")),
        stop_signal="SIGTERM",
        healthcheck=HealthCheck(("/bin/check", "now"), interval=1.5, timeout=3, start_period=60, retries=2),
    )
    image = make_image(config, LAYERS)

    assert image.config.value == {
        "architecture": "arm64",
        "variant": "v8",
        "os": "linux",
        "author": "somebody",
        "created": "2023-11-14T22:13:20Z",
        "config": {
            "Entrypoint": ["/boot", "/gnu/store/system"],
            "Cmd": ["--verbose"],
            "Env": ["PATH=/bin", "A=b=c"],
            "WorkingDir": "/srv",
            "User": "www:www",
            "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
            "Volumes": {"/var/lib/data": {}},
            "Labels": {"a": "1", "b": "2"},
            "StopSignal": "SIGTERM",
            "Healthcheck": {
                "Test": ["CMD", "/bin/check", "now"],
                "Interval": 1_500_000_000,
                "Timeout": 3_000_000_000,
                "StartPeriod": 60_000_000_000,
                "Retries": 2,
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [str(layer.diff_id) for layer in LAYERS]},
        "history": [
            {"created": "2023-11-14T22:13:20Z", "created_by": "sysimage", "comment": label}
            for label in ("glibc", "the rest", "customization")
        ],
    }


def test_without_a_time_the_image_is_from_the_first_second() -> None:
    assert ImageConfig("amd64").created == 1


def test_what_is_not_specified_is_not_written() -> None:
    assert make_image(ImageConfig("amd64"), LAYERS).config.value["config"] == {}


def test_the_manifest_names_config_and_layers_in_one_family_of_media_types() -> None:
    image = make_image(ImageConfig("amd64"), LAYERS, annotations={"k": "v"})

    assert image.manifest.value == {
        "schemaVersion": 2,
        "mediaType": media_types.MANIFEST,
        "config": {
            "mediaType": media_types.CONFIG,
            "digest": str(Digest.of(image.config.data)),
            "size": len(image.config.data),
        },
        "layers": [layer.descriptor.as_json() for layer in LAYERS],
        "annotations": {"k": "v"},
    }
    assert image.manifest.descriptor == Descriptor(
        media_types.MANIFEST, Digest.of(image.manifest.data), len(image.manifest.data)
    )


def test_the_index_holds_one_descriptor_with_the_names_loaders_look_for() -> None:
    image = make_image(ImageConfig("arm64", variant="v8"), LAYERS, annotations={"k": "v"})
    names = [ImageName.parse("web:1"), ImageName.parse("web:2")]

    assert image.index(names, {"i": "j"}).value == {
        "schemaVersion": 2,
        "mediaType": media_types.INDEX,
        "manifests": [
            {
                **image.manifest.descriptor.as_json(),
                "platform": {"architecture": "arm64", "os": "linux", "variant": "v8"},
                "annotations": {
                    "k": "v",
                    "io.containerd.image.name": names[0].qualified,
                    "org.opencontainers.image.ref.name": "1",
                },
            }
        ],
        "annotations": {"i": "j"},
    }
    assert "annotations" not in make_image(ImageConfig("amd64"), LAYERS).index().value["manifests"][0]


def test_an_index_repeats_annotations_of_at_most_1024_characters() -> None:
    annotations = {"short": "ä" * 1024, "long": "x" * 1025}
    image = make_image(ImageConfig("amd64"), LAYERS, annotations=annotations)
    assert image.manifest.value["annotations"] == annotations
    assert image.index().value["manifests"][0]["annotations"] == {"short": "ä" * 1024}


def test_a_base_keeps_its_history_and_every_layer_of_sysimage_gets_an_entry() -> None:
    base_history: list[dict[str, Any]] = [{"created_by": "base"}, {"created_by": "nothing", "empty_layer": True}]
    image = make_image(ImageConfig("amd64"), LAYERS, base_layers=1, base_history=base_history)

    history = image.config.value["history"]
    assert history[:2] == base_history
    assert {entry["created_by"] for entry in history[2:]} == {"sysimage, on 1 layers"}
    assert [entry["comment"] for entry in history[2:]] == ["the rest", "customization"]
    assert sum(not entry.get("empty_layer") for entry in history) == len(LAYERS)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((), "an image has at least one layer"),
        ((LAYERS[0], LAYERS[1], LAYERS[0]), "two layers are identical"),
        ((LAYERS[0], layer(bytes(1024).decode(), 1024)), "a layer is empty"),
        ((LAYERS[0], layer("", 1)), "a layer is empty"),
    ],
)
def test_an_image_that_readers_would_refuse_cannot_be_made(layers: tuple[LayerBlob, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        make_image(ImageConfig("amd64"), layers)


def test_a_base_may_have_a_layer_twice_that_a_build_has_too() -> None:
    stacked = (LAYERS[0], LAYERS[0], LAYERS[0], LAYERS[1])
    assert make_image(ImageConfig("amd64"), stacked, base_layers=2).layers == stacked
    for own in (0, 1):
        with pytest.raises(ValueError, match="two layers are identical"):
            make_image(ImageConfig("amd64"), stacked, base_layers=own)


def test_an_image_lists_what_a_push_sends_and_its_platform() -> None:
    config = ImageConfig("arm", variant="v7", os="plan9")
    image = make_image(config, LAYERS, annotations={"b": "1", "a": "2"})
    assert image.descriptors() == (image.config.descriptor, *(one.descriptor for one in LAYERS))
    assert image.platform == {"architecture": "arm", "os": "plan9", "variant": "v7"}
    assert image.annotations == (("a", "2"), ("b", "1"))
    assert make_image(ImageConfig("amd64"), LAYERS).platform == {"architecture": "amd64", "os": "linux"}


def test_an_image_whose_config_names_other_layers_cannot_be_made() -> None:
    image = make_image(ImageConfig("amd64"), LAYERS)

    with pytest.raises(ValueError, match="does not name the layers' diff IDs"):
        Image(image.config, image.manifest, LAYERS[::-1], "amd64")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"env": (("A", "1"), ("A", "2"))}, "an environment variable is given twice: ['A', 'A']"),
        ({"env": (("A=B", "1"),)}, "not a name of an environment variable: 'A=B'"),
        ({"env": (("", "1"),)}, "not a name of an environment variable: ''"),
        ({"env": (("A", "1"), ("B\0", "1"))}, "not a name of an environment variable: 'B\\x00'"),
        ({"labels": (("a", "1"), ("a", "2"))}, "a label is given twice: ['a', 'a']"),
        ({"exposed_ports": ("80", "http")}, "not a port: 'http'"),
        ({"volumes": ("/data", "data")}, "not an absolute path: 'data'"),
        ({"working_dir": "srv"}, "not an absolute path: 'srv'"),
        ({"author": "x" * 99 + "\0"}, f"not a text that a configuration can hold: {'x' * 80!r}"),
    ],
)
def test_a_config_that_runtimes_would_refuse_cannot_be_made(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        ImageConfig("amd64", **wrong)
    assert str(caught.value) == message


def test_times_of_a_health_check_may_be_nothing() -> None:
    """Docker takes that for its defaults, or for no retries; what is not specified is not written."""
    nothing = HealthCheck(("/check",), interval=0, timeout=0.0, start_period=0, retries=0)
    zeros = {"Interval": 0, "Timeout": 0, "StartPeriod": 0, "Retries": 0}
    assert nothing.as_json() == {"Test": ["CMD", "/check"], **zeros}
    assert HealthCheck(("/check",)).as_json() == {"Test": ["CMD", "/check"]}


def test_what_a_base_has_stays_unless_something_else_is_given() -> None:
    inherited = {"User": "base", "WorkingDir": "/base", "OnBuild": ["x"]}
    config = ImageConfig("amd64", user="mine", cmd=("run",), inherited=inherited)
    document = make_image(config, LAYERS).config.value["config"]
    assert document == {"User": "mine", "WorkingDir": "/base", "OnBuild": ["x"], "Cmd": ["run"]}


def test_json_has_one_form() -> None:
    assert (
        canonical_json({"b": [1, "ä"], "a": {"d": None, "c": True}}) == '{"a":{"c":true,"d":null},"b":[1,"ä"]}'.encode()
    )
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))
    document = EncodedDocument.of({"x": 1}, "text/json")
    assert document.descriptor.digest == Digest.of(document.data)
    assert document.value == json.loads(document.data) == {"x": 1}


@pytest.mark.parametrize(
    ("text", "written", "qualified"),
    [
        ("web", "web:latest", "docker.io/library/web:latest"),
        ("web:1.0", "web:1.0", "docker.io/library/web:1.0"),
        ("team/web:1", "team/web:1", "docker.io/team/web:1"),
        ("localhost/web", "localhost/web:latest", "localhost/web:latest"),
        ("localhost:5000/web", "localhost:5000/web:latest", "localhost:5000/web:latest"),
        ("host:5000/web:1", "host:5000/web:1", "host:5000/web:1"),
        ("registry.test/a/b/c:x", "registry.test/a/b/c:x", "registry.test/a/b/c:x"),
        ("x" * 255, "x" * 255 + ":latest", f"docker.io/library/{'x' * 255}:latest"),
    ],
)
def test_names_are_read_as_dockers_command_line_reads_them(text: str, written: str, qualified: str) -> None:
    name = ImageName.parse(text)

    assert str(name) == written
    assert name.qualified == qualified
    assert name.annotations["io.containerd.image.name"] == qualified


@pytest.mark.parametrize(
    "text", ["", "web:", "web:.x", "a//b", "-web", "web:" + "x" * 129, "we b", "x" * 256, "a:b/c:d:"]
)
def test_what_is_not_a_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(not an image name: |it has more than one tag)"):
        ImageName.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("https://host.test/web", "it begins with https://; say host.test/web"),
        ("Web:1", "it has capital letters; say web"),
        ("team/Web:Tag", "it has capital letters; say web"),
        ("web:1:2", "it has more than one tag"),
        ("host:5000/web:1:2", "it has more than one tag"),
        ("web:.x", "not an image name: 'web:.x'"),
        ("Host:5000/we b", "not an image name: 'Host:5000/we b'"),
    ],
)
def test_how_people_often_write_a_name_is_recognised(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        ImageName.parse(text)
    assert str(caught.value) == message
