"""Bases by the tools that people make them with, each run here: accounts are joined, and engines run what results."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import pytest

from sysimage.closure import Closure
from sysimage.destinations.registry import Registries
from sysimage.errors import IntegrityError
from sysimage.notices import listen_to_notices
from sysimage.pipeline.image_places import find_image
from sysimage.process import find
from sysimage.verify import inspect_image, verify_image
from sysimage.verify.summary import LayerSummary
from tests.clients.conftest import IS_ROOT, Client, Environment, Registry, need
from tests.clients.test_engines import engine
from tests.support.builds import build_from_store, config_of, on, registered
from tests.support.examples import build_spec
from tests.support.namespaces import boot, unpack
from tests.support.store_builder import Program, StoreBuilder

PASSWD = "root::0:0:root:/root:/bin/sh\nmail:x:8:8::/var/mail:/bin/false\n+::::::\n"
SHADOW = "root:$6$salt$hash:19000:0:99999:7:::\n"
DOCKERFILE = """
FROM scratch
ADD root.tar /
ENV PATH=/usr/local/bin:/bin GREETING="hello there"
LABEL "a label"="two \\
lines"
VOLUME /var/lib/data /gnu
EXPOSE 8080 53/udp
WORKDIR /srv//./app
HEALTHCHECK --interval=5s --start-period=1s CMD ["busybox", "true"]
STOPSIGNAL 2
SHELL ["/bin/busybox", "sh", "-ec"]
ENTRYPOINT ["busybox"]
CMD ["id"]
"""


@pytest.fixture
def closure(tmp_path: Path) -> Closure:
    store = StoreBuilder(tmp_path / "store")
    store.add("tool-1", {"bin": {"tool": Program("#!/bin/sh\necho the tool\n")}})
    closure = store.closure("tool-1")
    registered(closure, tmp_path / "registration")
    return closure


def make_root(root: Path) -> Path:
    """A small system with a merged /usr, and accounts that two links lead to."""
    for name in ("usr/bin", "usr/lib/etc", "etc", "tmp", "var/lib"):
        (root / name).mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    shutil.copy(find("busybox", package="busybox-static"), root / "usr/bin/busybox")
    os.link(root / "usr/bin/busybox", root / "usr/bin/sh")
    (root / "usr/lib/etc/passwd").write_text(PASSWD)
    (root / "etc/static").symlink_to("/usr/lib/etc")
    (root / "etc/passwd").symlink_to("static/passwd")
    (root / "etc/group").write_text("root:x:0:\nmail:x:8:\n")
    (root / "etc/shadow").write_text(SHADOW)
    (root / "etc/shadow").chmod(0o600)
    return root


def build_on(base: Path | str, closure: Closure, tmp_path: Path) -> Path:
    """An image with one user more, verified; the base's layers are at the bottom."""
    spec = {
        "name": "top",
        "from-image": str(base),
        "from-store": {"paths": [str(closure.roots[0])], "source": "registration", "location": "store"},
        "users": {"ann": {"uid": 1000, "groups": ["mail"]}},
    }
    result = build_from_store(tmp_path, spec)
    verify_image(tmp_path / "top.tar")
    tree = result.planned.tree
    assert tree["/usr/lib/etc/passwd"].read().decode() == PASSWD + "ann:x:1000:1000::/home/ann:/bin/sh\n"
    assert tree["/etc/shadow"].read().decode() == SHADOW + "ann:!:::::::\n"
    assert tree["/etc/shadow"].mode == 0o600
    empty = hashlib.sha256(bytes(1024)).hexdigest()
    below = [str(layer.diff_id) for layer in _base_layers(base) if layer.diff_id.hex != empty]
    assert config_of(result)["rootfs"]["diff_ids"][: len(below)] == below
    return tmp_path / "top.tar"


def _base_layers(base: Path | str) -> Sequence[LayerSummary]:
    found = find_image(str(base), Registries)
    return inspect_image(found.place, name=found.name, platform="linux/amd64").layers


def run_docker(environment: Environment, *words: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(["docker", *map(str, words)], env=environment, capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


@pytest.fixture
def made_by_docker(docker: Environment, tmp_path: Path) -> Path:
    """What a Dockerfile makes, saved."""
    context = tmp_path / "context"
    make_root(tmp_path / "root")
    context.mkdir()
    with tarfile.open(context / "root.tar", "w") as archive:
        archive.add(tmp_path / "root", ".")
    (context / "Dockerfile").write_text(DOCKERFILE)
    run_docker({**docker, "DOCKER_BUILDKIT": "0"}, "build", "--tag", "base:1", context)
    run_docker(docker, "save", "--output", tmp_path / "base.tar", "base:1")
    return tmp_path / "base.tar"


IN_TOP = ("run", "--rm", "--network=host", "top")
"""Runs a word of busybox in the image that was loaded last."""


def assert_runs(environment: Environment, archive: Path) -> None:
    """Docker loads and runs it: the base's entry point, our user, our tool by its path in the store."""
    run_docker(environment, "load", "--input", archive)
    said = run_docker(environment, "run", "--rm", "--network=host", "--user=ann", "top", "id")
    assert said == "uid=1000(ann) gid=1000(ann) groups=8(mail),1000(ann)\n"
    assert run_docker(environment, "run", "--rm", "--network=host", "--entrypoint=tool", "top") == "the tool\n"


def test_docker_build_and_save(
    made_by_docker: Path,
    docker: Environment,
    closure: Closure,
    tmp_path: Path,
) -> None:
    top = build_on(made_by_docker, closure, tmp_path)
    runtime = json.loads(run_docker(docker, "inspect", "base:1"))[0]["Config"]
    assert_runs(docker, top)
    ours = json.loads(run_docker(docker, "inspect", "top"))[0]["Config"]
    assert set(runtime["Volumes"]) == {"/gnu", "/var/lib/data"}
    assert set(ours["Volumes"]) == {"/var/lib/data"}
    for key in ("Labels", "ExposedPorts", "WorkingDir", "StopSignal", "Entrypoint", "Cmd", "Shell", "Healthcheck"):
        assert ours[key] == runtime[key], key


def test_docker_commit(
    made_by_docker: Path,
    docker: Environment,
    closure: Closure,
    tmp_path: Path,
) -> None:
    """With a whiteout, a changed mode, a hard link within the layer, a set-group-ID directory, a date before 1970."""
    script = "rm /etc/group-; mkdir -m 2775 /srv/x; echo 1 > /srv/a; ln /srv/a /srv/b; chmod 700 /tmp"
    script += "; touch -d 1960-01-01 /srv/a"
    run_docker(docker, "run", "--name=changed", "--network=host", "base:1", "sh", "-c", f"touch /etc/group-; {script}")
    run_docker(docker, "commit", "--change=USER mail", "changed", "committed:1")
    run_docker(docker, "rm", "changed")
    run_docker(docker, "save", "--output", tmp_path / "committed.tar", "committed:1")
    assert_runs(docker, build_on(tmp_path / "committed.tar", closure, tmp_path))


def test_one_of_several_images_that_docker_saved(
    made_by_docker: Path,
    docker: Environment,
    closure: Closure,
    tmp_path: Path,
) -> None:
    assert made_by_docker.is_file()
    container = run_docker(docker, "create", "base:1", "sh").strip()
    run_docker(docker, "commit", "--change=USER mail", container, "local/other:1")
    run_docker(docker, "rm", container)
    run_docker(docker, "save", "--output", tmp_path / "two.tar", "base:1", "local/other:1")
    with pytest.raises(IntegrityError) as caught:
        build_on(tmp_path / "two.tar", closure, tmp_path)
    (issue,) = map(str, caught.value.issues)
    assert issue.startswith("manifest.json lists 2 images: ")
    assert issue.endswith("; say which, as FILE:TAG")
    for name, user in (("base:1", ""), ("local/other:1", "mail")):
        build_on(f"{tmp_path / 'two.tar'}:{name}", closure, tmp_path)
        assert inspect_image(tmp_path / "top.tar").config.runtime.user == user


def test_docker_hides_an_etc_that_is_a_link_and_a_build_says_so(
    docker: Environment,
    closure: Closure,
    tmp_path: Path,
) -> None:
    root = make_root(tmp_path / "root")
    (root / "etc").rename(root / "usr/etc")
    (root / "etc").symlink_to("usr/etc")
    with tarfile.open(tmp_path / "root.tar", "w") as archive:
        archive.add(root, ".")
    run_docker(docker, "import", tmp_path / "root.tar", "linked:1")
    words = ["docker", "run", "--rm", "--network=host", "--user=mail", "linked:1", "/bin/sh", "-c", "exit"]
    done = subprocess.run(words, env=docker, capture_output=True, text=True)
    assert "unable to find user mail" in done.stderr, "or the notice is not true any more"
    run_docker(docker, "save", "--output", tmp_path / "linked.tar", "linked:1")
    told: list[str] = []
    with listen_to_notices(told.append):
        build_from_store(tmp_path, on("linked.tar", closure))
    assert [line.partition(":")[0] for line in told] == ["the base image has a link in place of /etc"]


def test_skopeo_copies_an_index_into_a_directory_of_its_own(
    client: Client, closure: Closure, policy: Path, workspace: Path, tmp_path: Path
) -> None:
    buildah = engine("buildah", workspace)
    root = make_root(workspace / "tree")
    client(*buildah, "manifest", "create", "several")
    for architecture in ("arm64", "amd64"):
        container = client(*buildah, "from", "--arch", architecture, "scratch").stdout.decode().strip()
        if architecture == "amd64":
            client(*buildah, "copy", container, root, "/")
        client(*buildah, "config", "--arch", architecture, container)
        client(*buildah, "commit", "--signature-policy", policy, container, f"one:{architecture}")
        client(*buildah, "manifest", "add", "several", f"one:{architecture}")
    client(
        *buildah, "manifest", "push", "--signature-policy", policy, "--all", "several", f"oci:{tmp_path / 'layout'}:1"
    )  # fmt: skip
    client("skopeo", "--policy", policy, "copy", "--all", f"oci:{tmp_path / 'layout'}:1", f"dir:{tmp_path / 'base'}")
    build_on(tmp_path / "base", closure, tmp_path)


@pytest.mark.parametrize("form", ["oci", "oci-archive", "docker-archive", "dir", "dir v2s2", "docker v2s2"])
def test_skopeo_in_every_form(
    form: str,
    made_by_docker: Path,
    docker: Environment,
    client: Client,
    registry: Registry,
    closure: Closure,
    policy: Path,
    tmp_path: Path,
) -> None:
    """Docker's second version of its second schema, v2s2, is what registries of the time before OCI hold."""
    transport, _, schema = form.partition(" ")
    words = ["--dest-compress-format", "zstd"] if transport == "oci" else ["--format", schema] if schema else []
    base = f"{registry.address}/local/base:1" if transport == "docker" else str(tmp_path / "copied")
    name = f"//{base}" if transport == "docker" else base if transport == "dir" else f"{base}:local/base:1"
    client(
        "skopeo", "--policy", policy, "copy", "--quiet", "--dest-tls-verify=false", *words,
        f"docker-archive:{made_by_docker}", f"{transport}:{name}",
    )  # fmt: skip
    if schema:
        said = client("skopeo", "inspect", "--raw", "--tls-verify=false", f"{transport}:{name}").stdout
        assert json.loads(said)["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert_runs(docker, build_on(base, closure, tmp_path))


@pytest.mark.skipif(not IS_ROOT, reason="umoci unpacks files of others for root alone")
def test_umoci_repacks_what_was_unpacked(
    made_by_docker: Path, docker: Environment, client: Client, closure: Closure, policy: Path, tmp_path: Path
) -> None:
    """Twice: layers of what was added, changed and removed, whose archives end as umoci ends them."""
    image = f"{tmp_path / 'layout'}:1"
    client("skopeo", "--policy", policy, "copy", "--quiet", f"docker-archive:{made_by_docker}", f"oci:{image}")
    client("umoci", "unpack", "--image", image, tmp_path / "bundle")
    root = tmp_path / "bundle/rootfs"
    (root / "srv/app/added").write_text("by umoci\n")
    (root / "var/lib").chmod(0o2775)
    client("umoci", "repack", "--refresh-bundle", "--image", image, tmp_path / "bundle")
    (root / "tmp").rmdir()
    os.link(root / "srv/app/added", root / "srv/app/again")
    client("umoci", "repack", "--image", image, tmp_path / "bundle")
    client("umoci", "gc", "--layout", tmp_path / "layout")
    assert_runs(docker, build_on(tmp_path / "layout", closure, tmp_path))
    assert run_docker(docker, *IN_TOP, "cat", "/srv/app/again") == "by umoci\n"


def flattened_by_docker(docker: Environment, tmp_path: Path) -> None:
    container = run_docker(docker, "create", "base:1").strip()
    run_docker(docker, "export", "--output", tmp_path / "whole.tar", container)
    run_docker(docker, "rm", container)
    path = "ENV PATH=/usr/local/bin:/bin"
    words = ("--change", path, "--change", 'ENTRYPOINT ["busybox"]', "--change", 'CMD ["id"]')
    run_docker(docker, "import", *words, tmp_path / "whole.tar", "flat:1")
    run_docker(docker, "save", "--output", tmp_path / "flat", "flat:1")


def flattened_as_by_crane(docker: Environment, tmp_path: Path) -> None:
    """As pkg/v1/mutate of go-containerregistry does it: the uppermost layer's members come first, so that a file comes
    before its directory; the history is one entry, of crane's own."""
    with tarfile.open(tmp_path / "base.tar") as base:
        (entry,) = json.load(_file(base, "manifest.json"))
        config = json.load(_file(base, entry["Config"]))
        seen: set[str] = set()
        with tarfile.open(tmp_path / "layer.tar", "w", format=tarfile.PAX_FORMAT) as flat:
            for name in reversed(entry["Layers"]):
                with tarfile.open(fileobj=_file(base, name)) as layer:
                    for member in layer:
                        if member.name not in seen:
                            flat.addfile(member, layer.extractfile(member) if member.isreg() else None)
                        seen.add(member.name)
    layer_bytes = (tmp_path / "layer.tar").read_bytes()
    config["rootfs"]["diff_ids"] = [f"sha256:{hashlib.sha256(layer_bytes).hexdigest()}"]
    config["history"] = [{"created_by": "crane flatten sha256:0", "created": "0001-01-01T00:00:00Z"}]
    with tarfile.open(tmp_path / "flat", "w") as image:
        manifest = [{"Config": "config.json", "RepoTags": ["flat:1"], "Layers": ["layer.tar"]}]
        for name, data in (("config.json", config), ("manifest.json", manifest), ("layer.tar", layer_bytes)):
            member = tarfile.TarInfo(name)
            content = data if isinstance(data, bytes) else json.dumps(data).encode()
            member.size = len(content)
            image.addfile(member, io.BytesIO(content))
    assert docker


def _file(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    assert found is not None
    return found


@pytest.mark.parametrize("flatten", [flattened_by_docker, flattened_as_by_crane])
def test_an_image_of_one_layer_for_all(
    flatten: Callable[[Environment, Path], None],
    made_by_docker: Path,
    docker: Environment,
    closure: Closure,
    tmp_path: Path,
) -> None:
    assert made_by_docker.is_file()
    flatten(docker, tmp_path)
    assert len(inspect_image(tmp_path / "flat").layers) == 1
    assert_runs(docker, build_on(tmp_path / "flat", closure, tmp_path))


def test_buildah_squashes_its_layers(
    client: Client, docker: Environment, closure: Closure, policy: Path, workspace: Path, tmp_path: Path
) -> None:
    buildah = engine("buildah", workspace)
    root = make_root(workspace / "tree")
    container = client(*buildah, "from", "scratch").stdout.decode().split()[-1]
    client(*buildah, "copy", container, root, "/")
    client(*buildah, "config", "--env", "PATH=/usr/local/bin:/bin", "--entrypoint", '["busybox"]', container)
    client(*buildah, "commit", "--signature-policy", policy, container, "one:1")
    upon = client(*buildah, "from", "--signature-policy", policy, "one:1").stdout.decode().split()[-1]
    client(*buildah, "copy", upon, root / "etc/group", "/etc/added")
    place = tmp_path / "flat"
    client(*buildah, "commit", "--signature-policy", policy, "--squash", upon, f"oci-archive:{place}:flat:1")
    assert len(inspect_image(place).layers) == 1
    assert_runs(docker, build_on(place, closure, tmp_path))
    assert run_docker(docker, *IN_TOP, "cat", "/etc/added").startswith("root:x:0:")


def test_podman_commit(client: Client, closure: Closure, policy: Path, workspace: Path, tmp_path: Path) -> None:
    podman = engine("podman", workspace)
    root = make_root(workspace / "tree")
    client("tar", "--create", "--file", tmp_path / "root.tar", "--directory", root, ".")
    client(*podman, "import", "--signature-policy", policy, tmp_path / "root.tar", "base:1")
    container = client(*podman, "create", "base:1", "sh").stdout.decode().strip()
    mounted = Path(client(*podman, "mount", container).stdout.decode().strip())
    (mounted / "etc/added").write_text("in the container\n")
    (mounted / "usr/bin/sh").unlink()
    (mounted / "usr/bin/sh").symlink_to("busybox")
    client(*podman, "umount", container)
    for form in ("oci-archive", "docker-archive", "oci-dir", "docker-dir"):
        place = f"committed:{form.partition('-')[0]}"
        client(*podman, "commit", "--quiet", "--change", "CMD=sh", container, place)
        client(*podman, "save", "--signature-policy", policy, "--format", form, "--output", tmp_path / form, place)
        build_on(tmp_path / form, closure, tmp_path)


def test_buildah_with_an_empty_layer_for_every_step(
    client: Client, closure: Closure, policy: Path, workspace: Path, tmp_path: Path
) -> None:
    """As ``buildah build --layers`` has them, two of them equal."""
    buildah = engine("buildah", workspace)
    root = make_root(workspace / "tree")
    (workspace / "Dockerfile").write_text("FROM scratch\nCOPY tree /\nENV A=b\nUSER mail\nCMD sh\n")
    client(
        *buildah, "build", "--signature-policy", policy, "--isolation", "chroot", "--layers", "--tag", "base:1",
        workspace,
    )  # fmt: skip
    assert root.is_dir()
    place = tmp_path / "base"
    client(*buildah, "push", "--signature-policy", policy, "base:1", f"oci-archive:{place}:base:1")
    build_on(place, closure, tmp_path)


@pytest.mark.skipif(not IS_ROOT, reason="umoci unpacks files of others for root alone")
def test_umoci_inserts_and_repacks(client: Client, closure: Closure, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    root = make_root(tmp_path / "root")
    client("umoci", "init", "--layout", layout)
    client("umoci", "new", "--image", f"{layout}:1")
    client("umoci", "insert", "--image", f"{layout}:1", root, "/")
    client("umoci", "insert", "--image", f"{layout}:1", root / "usr/lib/etc/passwd", "/not-padded")
    client("umoci", "insert", "--whiteout", "--image", f"{layout}:1", "/tmp")
    client("umoci", "insert", "--opaque", "--image", f"{layout}:1", root / "var", "/var")
    client("umoci", "config", "--image", f"{layout}:1", "--config.cmd", "sh", "--config.user", "mail:mail")
    client("umoci", "gc", "--layout", layout)
    build_on(layout, closure, tmp_path)


@pytest.mark.skipif(not IS_ROOT, reason="Podman without root needs a session of its user")
def test_packages_on_a_root_of_mmdebstrap(client: Client, policy: Path, workspace: Path, tmp_path: Path) -> None:
    """A system of packages on Debian itself: devices, the real database of dpkg, a real /usr, accounts in the way."""
    ann = "other:x:24870:24870:kept:/:/bin/false"  # whose IDs the name "ann" would get
    hook = f'--customize-hook=echo {ann} >> "$1/etc/passwd"; echo other:x:24870: >> "$1/etc/group"'
    need("mmdebstrap")
    words: list[str | Path] = ["mmdebstrap", "--quiet", "--variant=essential", hook, "trixie", tmp_path / "root.tar"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    podman = engine("podman", workspace)
    client(*podman, "import", "--signature-policy", policy, tmp_path / "root.tar", "base:1")
    client(*podman, "save", "--signature-policy", policy, "--output", tmp_path / "base.tar", "base:1")
    users = {"ann": {}, "other": {"shell": "/bin/sh"}}
    spec = {"name": "top", "from-image": "base.tar", "packages": ["jq"], "users": users, "command": ["sleep", "1000"]}
    (tmp_path / "top.json").write_text(json.dumps(spec))
    build_spec(tmp_path / "top.json", tmp_path / "top.tar")
    verify_image(tmp_path / "top.tar")
    with unpack(tmp_path / "top.tar") as files, boot(files) as system:
        said = system.run(["sh", "-c", "id -u ann; id -gn ann; getent passwd other; dpkg -s libc6; jq -n 6*7"]).stdout
    assert said.startswith("24871\nann\nother:x:24870:24870:kept:/:/bin/sh\nPackage: libc6\n")
    assert said.endswith("\n42\n")


@pytest.mark.parametrize("form", ["0.0", "0.1", "1.0", "bsdtar", "gnu"])
def test_files_with_holes_as_engines_take_them(
    form: str, docker: Environment, client: Client, closure: Closure, tmp_path: Path
) -> None:
    """By GNU tar and bsdtar, in a layer that umoci adds as it is: what engines unpack is taken, and a build says what
    they cannot do with it; the old form of GNU tar is what they refuse."""
    root = make_root(tmp_path / "root")
    with (root / "holes").open("wb") as file:
        file.write(b"begin")
        file.seek(1 << 20)
        file.write(b"middle")
        file.truncate(3 << 20)
    layer, layout = tmp_path / "layer.tar", tmp_path / "layout"
    words = ["tar", "--sparse", "--format=posix", f"--sparse-version={form}"]
    words = {"bsdtar": ["bsdtar", "--format=pax"], "gnu": ["tar", "--sparse", "--format=gnu"]}.get(form, words)
    client(*words, "-C", root, "-cf", layer, ".")
    assert layer.stat().st_size < 3 << 20, "or it has no holes"
    client("umoci", "init", "--layout", layout)
    client("umoci", "new", "--image", f"{layout}:1")
    client("umoci", "raw", "add-layer", "--image", f"{layout}:1", layer)
    client("umoci", "config", "--image", f"{layout}:1", "--config.entrypoint", "busybox", "--config.cmd", "id")
    tried = subprocess.run(["docker", "import", layer, "holes:1"], env=docker, capture_output=True, text=True)
    if form == "gnu":
        assert "unhandled tar header type" in tried.stderr, "or the reason is not true any more"
        with pytest.raises(IntegrityError, match="in GNU tar's old form, which engines refuse"):
            build_on(layout, closure, tmp_path)
        return
    assert tried.returncode == 0, tried.stderr
    told: list[str] = []
    with listen_to_notices(told.append):
        top = build_on(layout, closure, tmp_path)
    (told_of,) = [line for line in told if "sparse" in line]
    assert told_of.endswith("Docker and Podman load and run the image, and fail to save it")
    assert_runs(docker, top)
    said = run_docker(docker, "run", "--rm", "--network=host", "top", "sha256sum", "/holes").split()[0]
    assert said == hashlib.sha256((root / "holes").read_bytes()).hexdigest()
    words = ["docker", "save", "--output", str(tmp_path / "saved.tar"), "top"]
    saved = subprocess.run(words, env=docker, capture_output=True, text=True)
    assert "could not verify layer data" in saved.stderr, "or the notice is not true any more"


def test_nixpkgs_layered_image_with_its_customisation_layer(closure: Closure, tmp_path: Path) -> None:
    """As ``stream_layered_image.py`` writes it: absolute names in store layers, ./ in the topmost."""
    root = make_root(tmp_path / "root")
    item = "nix/store/0h1k2m3n4p5q6r7s8v9w0x1y2z3a4b5p-hello"

    def layer(fill: Callable[[tarfile.TarFile], None]) -> bytes:
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as archive:
            fill(archive)
        return data.getvalue()

    def store(archive: tarfile.TarFile) -> None:
        for name in ("nix", "nix/store", item):
            member = tarfile.TarInfo()
            member.name, member.type, member.mode, member.mtime = f"/{name}", tarfile.DIRTYPE, 0o555, 1
            archive.addfile(member)

    from tests.support.raw_image import RawImage, write_archive

    layers = [layer(store), layer(lambda archive: archive.add(root, "./"))]
    history = [{"created": "1970-01-01T00:00:01Z", "comment": f"store paths: ['/{item}']"}]
    image = RawImage(*layers, config={"history": [*history, {"comment": "customisation layer"}]})
    build_on(write_archive(image.docker_archive(), tmp_path / "base"), closure, tmp_path)
