"""Files, directories and here documents that a Dockerfile copies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conversion.taken_over import Notes, files_in, whole


@pytest.mark.parametrize(
    ("text", "spec", "notes"),
    [
        ("FROM debian\nCOPY a\n", {}, [(2, "COPY a: source and target are missing")]),
        (
            "FROM debian\nCOPY --from=build /a /b\n",
            {},
            [(2, "COPY /a /b: from stage or image build; put its result beside the spec as a tree")],
        ),
        (
            "FROM debian\nCOPY --from=debian:12 a b /c/\n",
            {},
            [(2, "COPY a b /c/: from stage or image debian:12; put its result beside the spec as a tree")],
        ),
        (
            "FROM debian\nADD https://x/y /z\n",
            {},
            [(2, "ADD https://x/y: fetch it before the build; nothing is fetched by a spec")],
        ),
        (
            "FROM debian\nADD git@x:y /z\n",
            {},
            [(2, "ADD git@x:y: fetch it before the build; nothing is fetched by a spec")],
        ),
        (
            "FROM debian\nCOPY --chown=ann:staff --chmod=755 f /srv/f\n",
            {
                "users": {"ann": {"system": True}},
                "files": {"/srv/f": {"source": "f", "owner": "ann", "group": "staff", "mode": "0755"}},
            },
            [],
        ),
        (
            "FROM debian\nCOPY --chown=7:0 f /srv/f\n",
            {"files": {"/srv/f": {"source": "f"}}},
            [(2, "--chown=7:0: give the number a name under `users` first")],
        ),
        ("FROM debian\nCOPY --chown=root:root --chmod=u+x f /srv/f\n", {"files": {"/srv/f": {"source": "f"}}}, []),
        (
            "FROM debian\nCOPY --chown=ann f g /srv/\n",
            {
                "users": {"ann": {"system": True}},
                "files": {"/srv/f": {"source": "f", "owner": "ann"}, "/srv/g": {"source": "g", "owner": "ann"}},
            },
            [],
        ),
        ("FROM debian\nCOPY f g /srv\n", {"files": {"/srv/f": {"source": "f"}, "/srv/g": {"source": "g"}}}, []),
        ("FROM debian\nCOPY f .\n", {"files": {"/f": {"source": "f"}}}, []),
        (
            "FROM debian\nWORKDIR /w\nCOPY f ./\nCOPY g d/.\n",
            {"files": {"/w/f": {"source": "f"}, "/w/d/g": {"source": "g"}}, "working-directory": "/w"},
            [],
        ),
        (
            "FROM debian\nCOPY *.txt /srv/\n",
            {"files": {"/srv/a.txt": {"source": "a.txt"}, "/srv/b.txt": {"source": "b.txt"}}},
            [],
        ),
        ("FROM debian\nCOPY b.* /srv/\n", {"files": {"/srv/b.txt": {"source": "b.txt"}}}, []),
        (
            "FROM debian\nCOPY [ab].txt /srv\n",
            {"files": {"/srv/a.txt": {"source": "a.txt"}, "/srv/b.txt": {"source": "b.txt"}}},
            [],
        ),
        ("FROM debian\nCOPY b.tx? /srv\n", {"files": {"/srv": {"source": "b.txt"}}}, []),
        ("FROM debian\nCOPY *.none /srv\n", {}, [(2, "COPY *.none: no file matches")]),
        (
            "FROM debian\nCOPY none /srv/none\n",
            {},
            [(2, 'none: there is no such file yet; then it is "/srv/none": {"source": "none"}')],
        ),
        ("FROM debian\nCOPY ../f /srv/f\n", {}, [(2, "../f for /srv/f: it is not in the spec's directory")]),
        (
            'FROM debian\nCOPY <<"A" <<B /srv/\n$X a\nA\n$X b\nB\n',
            {"files": {"/srv/A": {"text": "$X a\n"}, "/srv/B": {"text": " b\n"}}},
            [],
        ),
        (
            "FROM debian\nENV X=1\nCOPY <<A /srv/x\n$X a\nA\nCOPY <<'B' /srv/y\n$X a\nB\n",
            {"files": {"/srv/x": {"text": "1 a\n"}, "/srv/y": {"text": "$X a\n"}}, "environment": {"X": "1"}},
            [],
        ),
        ("FROM debian\nCOPY <<-EOF /srv/x\n\ta\n\t\tb\n\tEOF\n", {"files": {"/srv/x": {"text": "a\nb\n"}}}, []),
        ("FROM debian\nCOPY f /srv/f\nRUN echo a > /srv/f\n", {"files": {"/srv/f": {"text": "a\n"}}}, []),
        (
            "FROM debian\nCOPY f /srv/f\nRUN echo a >> /srv/f\n",
            {"files": {"/srv/f": {"source": "f"}}},
            [(3, "RUN echo a >> /srv/f: a build runs no command; declare what it makes")],
        ),
        ("FROM debian\nCOPY d /\n", {"files": {"/sub/y": {"source": "d/sub/y"}, "/x": {"source": "d/x"}}}, []),
        (
            "FROM debian\nCOPY d /etc\n",
            {"files": {"/etc/x": {"source": "d/x"}}, "trees": {"/etc/sub": {"source": "d/sub"}}},
            [],
        ),
        ("FROM debian\nCOPY d /app\n", {"trees": {"/app": {"source": "d", "exclude": ["/.git"]}}}, []),
        ("FROM debian\nCOPY d /srv/d/\n", {"trees": {"/srv/d": {"source": "d", "exclude": ["/.git"]}}}, []),
        ("FROM debian\nADD d /data\n", {"trees": {"/data": {"source": "d", "exclude": ["/.git"]}}}, []),
        (
            "FROM debian\nCOPY <<robots.txt <<'a-b' /srv/\nall\nrobots.txt\n$X\na-b\n",
            {"files": {"/srv/robots.txt": {"text": "all\n"}, "/srv/a-b": {"text": "$X\n"}}},
            [],
        ),
        ("FROM debian\nCOPY <<A f /srv\nx\nA\n", {"files": {"/srv/A": {"text": "x\n"}, "/srv/f": {"source": "f"}}}, []),
    ],
)
def test_a_copy_goes_where_docker_would_put_it(tmp_path: Path, text: str, spec: dict[str, Any], notes: Notes) -> None:
    assert whole(files_in(tmp_path, "f", "g", "a.txt", "b.txt", "d/x", "d/sub/y", "d/.git/z"), text) == (spec, notes)
