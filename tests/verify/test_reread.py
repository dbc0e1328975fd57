"""Items that another tool packed: out of order, over several layers, with hard links. Their hashes are the same."""

import gzip
import io
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sysimage.errors import IntegrityError
from sysimage.verify import verify_image
from sysimage.verify.limits import Limits
from tests.support import raw_tar
from tests.support.images import BuiltImage, build_image
from tests.support.raw_image import RawImage, write_directory
from tests.support.stores import store_path

Member = tuple[tarfile.TarInfo, bytes]
BASH = str(store_path("bash-5.2"))[1:]


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> list[Member]:
    """Every entry of a small system, directories first."""
    built: BuiltImage = build_image(tmp_path_factory.mktemp("built"), max_layers=1)
    (layer,) = built.image.layers
    data = gzip.decompress(built.blobs.path(layer.descriptor.digest).read_bytes())
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = [(member, _content(archive, member)) for member in archive]
    return sorted(found, key=lambda one: (not one[0].isdir(), one[0].name.count("/") if one[0].isdir() else 0))


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member) if member.isfile() else None
    return file.read() if file else b""


def packed(members: Sequence[Member], links: dict[str, str] | None = None) -> bytes:
    parts = []
    for member, content in members:
        name, owner = member.name.encode(), {"uid": member.uid, "gid": member.gid}
        long = raw_tar.long_name(name) if len(name) > 100 else b""
        if links and member.name in links:
            parts.append(raw_tar.hard_link(name, links[member.name].encode()))
        elif member.isdir():
            parts.append(long + raw_tar.directory(name, member.mode, **owner))
        elif member.issym():
            target = member.linkname.encode()
            longer = raw_tar.long_name(target, b"K") if len(target) > 100 else b""
            parts.append(long + longer + raw_tar.symlink(name, target))
        else:
            parts.append(long + raw_tar.file(name, content, mode=member.mode, **owner))
    return raw_tar.archive(*parts)


def layout(tmp_path: Path, *layers: bytes) -> Path:
    return write_directory(RawImage(*layers).layout(), tmp_path / "layout")


def split(members: list[Member]) -> list[bytes]:
    directories = [one for one in members if one[0].isdir()]
    rest = members[len(directories) :]
    return [packed([*directories, *rest[::2]]), packed(rest[1::2])]


def with_junk_below(members: list[Member]) -> list[bytes]:
    place = f"{BASH}/share/stray".encode()
    hidden = raw_tar.file(f"{BASH}/share/.wh.stray".encode())
    below = [one for one in members if one[0].isdir() and f"{BASH}/share/".startswith(one[0].name + "/")]
    return [
        packed(below)[:-1024] + raw_tar.archive(raw_tar.file(place, b"junk")),
        packed(members),
        raw_tar.archive(hidden),
    ]


@pytest.mark.parametrize(
    "arrange", [lambda all_: [packed(all_)], lambda all_: [packed(all_[::-1])], split, with_junk_below]
)
def test_items_in_any_arrangement_have_their_hashes(
    arrange: Callable[[list[Member]], list[bytes]], members: list[Member], tmp_path: Path
) -> None:
    assert verify_image(layout(tmp_path, *arrange(members))).items == 6


def test_items_with_hard_links_have_their_hashes(members: list[Member], tmp_path: Path) -> None:
    """As in a store that was optimised and then packed as it lay there."""
    empty = [one[0].name for one in members if one[0].isfile() and not one[1] and one[0].name.startswith("gnu")]
    assert len(empty) == 3
    links = dict.fromkeys(empty[1:], empty[0])
    assert verify_image(layout(tmp_path, packed(members, links))).items == 6


def test_a_changed_file_is_noticed_in_any_arrangement(members: list[Member], tmp_path: Path) -> None:
    changed = [(member, content.replace(b"bottom", b"button")) for member, content in members]
    with pytest.raises(IntegrityError) as caught:
        verify_image(layout(tmp_path, *split(changed)))
    (issue,) = caught.value.issues
    assert str(issue).startswith(f"{store_path('names-1')}: has the NAR hash")


def test_references_are_found_where_memory_ends(members: list[Member], tmp_path: Path) -> None:
    assert verify_image(layout(tmp_path, packed(members)), limits=Limits(remembered_runs=0)).items == 6
