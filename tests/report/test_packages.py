"""What packages say of themselves: stanzas, and licences as copyright files of Debian have them."""

import pytest

from sysimage.report.facts import PackageFact
from sysimage.report.packages import is_read, read_licences, read_stanza
from sysimage.rules.paths import as_parts

DEP5 = b"""\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: it

Files: *
Copyright: 2020 A
License: GPL-2+ or Artistic

Files: debian/*
License: Expat, and BSD-3-clause
 Permission is granted

License: GPL-2+
 On Debian systems see /usr/share/common-licenses/GPL-2.
"""


@pytest.mark.parametrize(
    ("text", "licences"),
    [
        (DEP5, {"GPL-2+", "Artistic", "Expat", "BSD-3-clause"}),
        (b"See /usr/share/common-licenses/GPL-3.\nAlso `/usr/share/common-licenses/LGPL-2.1'", {"GPL-3", "LGPL-2.1"}),
        (b"Permission is hereby granted, free of charge, to any\n person obtaining a copy", {"Expat"}),
        (b"Redistribution and use in source and binary forms, with or without", {"BSD"}),
        (b"All rights reserved.", set()),
        (b"Format: x\nLicense:\n", set()),
        (b"\xff\xfe", set()),
    ],
)
def test_licences_are_those_that_a_copyright_file_names(text: bytes, licences: set[str]) -> None:
    assert read_licences(text) == licences


def test_a_stanza_is_name_version_source_and_size() -> None:
    text = b"Package: libssl3\nSource: openssl (3.1)\nVersion: 3.1-2\nArchitecture: amd64\n"
    text += b"Installed-Size: 7\nX: x\n Version: 9\n"
    assert read_stanza(text) == PackageFact("libssl3", "3.1-2", "amd64", "openssl", 7168)
    assert read_stanza(b"Package: a\nVersion: 1\nInstalled-Size: much\n") == PackageFact("a", "1", "", "a", None)
    assert read_stanza(b"Version: 1\n") is None


def test_copyright_files_are_read_wherever_their_item_is() -> None:
    assert is_read(as_parts("/gnu/store/x/share/doc/web/copyright"))
    assert is_read(as_parts("/usr/share/doc/web/copyright"))
    assert not is_read(as_parts("/usr/share/doc/copyright"))
    assert not is_read(as_parts("/usr/share/doc/web/changelog"))
