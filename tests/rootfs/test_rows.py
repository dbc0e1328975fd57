"""What an item adds outside of the store: rows for scanners, and the other names of its files."""

from __future__ import annotations

from pathlib import Path

from sysimage.rootfs.rows import package_rows, stanzas_in
from sysimage.rootfs.shown_files import shown_entry
from sysimage.rootfs.tree import Entry
from sysimage.store.items import OwnFile, ShownFiles
from sysimage.store.paths import StorePath

ITEM = StorePath("/gnu/store", "0" * 32, "tool-1")


def test_each_stanza_of_an_item_has_a_row_with_the_digests_of_the_files_by_every_name(tmp_path: Path) -> None:
    place = tmp_path / "share/sysimage/packages"
    place.mkdir(parents=True)
    for name in ("tool", "a", "m", "b"):
        (place / name).write_text(f"Package: {name}\n")
    (place / "directory").mkdir()
    (place / "link").symlink_to("tool")
    (place / "dangling").symlink_to("nowhere")
    assert stanzas_in(tmp_path) == (place / "a", place / "b", place / "m", place / "tool")
    digests = {"bin/ü": "1" * 32, "etc/tool": "2" * 32, "varied": "3" * 32, "bin/\udcff": "4" * 32}
    lines = (
        f"{'1' * 32}  gnu/store/{'0' * 32}-tool-1/bin/ü\n{'1' * 32}  usr/bin/ü\n"
        f"{'2' * 32}  gnu/store/{'0' * 32}-tool-1/etc/tool\n"
        f"{'3' * 32}  gnu/store/{'0' * 32}-tool-1/varied\n{'3' * 32}  usr/varied\n"
        f"{'4' * 32}  gnu/store/{'0' * 32}-tool-1/bin/\udcff\n{'4' * 32}  usr/bin/\udcff\n"
    ).encode("utf-8", "surrogateescape")
    rows = list(package_rows(ITEM, tmp_path, digests))
    assert [(row.path.removeprefix("/var/lib/dpkg/status.d/"), row.read()) for row in rows] == [
        *(("a", b"Package: a\n"), ("a.md5sums", lines)),
        *(("b", b"Package: b\n"), ("b.md5sums", lines)),
        *(("m", b"Package: m\n"), ("m.md5sums", lines)),
        *(("tool", b"Package: tool\n"), ("tool.md5sums", lines)),
    ]
    assert {(row.item, row.owner, row.mode, row.uid, row.gid) for row in rows} == {(ITEM, str(ITEM), 0o644, 0, 0)}


def test_an_item_without_a_stanza_has_no_row(tmp_path: Path) -> None:
    assert list(package_rows(ITEM, tmp_path, {"bin/tool": "1" * 32})) == []
    (tmp_path / "share/sysimage").mkdir(parents=True)
    (tmp_path / "share/sysimage/packages").touch()
    assert stanzas_in(tmp_path) == ()


def test_the_other_name_of_a_file_says_what_the_item_has_unless_it_is_its_own_there(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name, mode in (("bin/run", 0o700), ("bin/read", 0o644), ("bin/sudo", 0o755), ("bin/x-for-others", 0o411)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    (tmp_path / "bin/link").symlink_to("../store/run")
    (tmp_path / "bin/to-run").symlink_to("run")
    shown = ShownFiles(own={"bin/sudo": OwnFile(0o4754, 1, 2)}, links={"bin/link": "run"}, top="/opt/tool")

    def entry(path: str) -> Entry:
        return shown_entry(tmp_path, path, shown, "me")

    assert entry("bin/run") == Entry.file("/opt/tool/bin/run", tmp_path / "bin/run", 0o555, owner="me")
    assert entry("bin/read") == Entry.file("/opt/tool/bin/read", tmp_path / "bin/read", 0o444, owner="me")
    assert entry("bin/x-for-others").mode == 0o444
    assert entry("bin/sudo") == Entry.file("/opt/tool/bin/sudo", tmp_path / "bin/sudo", 0o4754, 1, 2, "me")
    assert entry("bin/link") == Entry.symlink("/opt/tool/bin/link", "run", owner="me")
    assert entry("bin/to-run") == Entry.symlink("/opt/tool/bin/to-run", "run", owner="me")
