"""Instructions of a Dockerfile: the keys that they become, and the notes with their lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conversion.taken_over import Notes, whole


@pytest.mark.parametrize(
    ("text", "spec", "notes"),
    [
        (
            "FROM debian\nARG A=1\nENV B=${A:-2} C=${D:-3} E=${A:+4} F=${D:+5} G=\\$A H=${D} I=$A-x\n",
            {"environment": {"B": "1", "C": "3", "E": "4", "F": "", "G": "$A", "H": "", "I": "1-x"}},
            [],
        ),
        ('FROM debian\nENV A=1 B="x y" C\n', {"environment": {"A": "1", "B": "x y", "C": ""}}, []),
        ("FROM debian\nENV A  some 'words'\n", {"environment": {"A": "some 'words'"}}, []),
        ("FROM debian\nENV A=\\\nLABEL b\n", {"environment": {"A": "", "LABEL": "", "b": ""}}, []),
        ('FROM debian\nLABEL a="b c" d=e\n', {"labels": {"a": "b c", "d": "e"}}, []),
        (
            "FROM debian\nEXPOSE 80 443/TCP 53/udp 7000-7002 a 1-b 1-3000 5-5\n",
            {"exposed-ports": ["80", "443", "53/udp", "7000", "7001", "7002", "5"]},
            [(2, "EXPOSE a: not a port"), (2, "EXPOSE 1-b: not a port"), (2, "EXPOSE 1-3000: not a port")],
        ),
        ('FROM debian\nVOLUME /a b ["x"]\n', {"volumes": ["/a", "/b", "/[x]"]}, []),
        ('FROM debian\nVOLUME ["/a", "b"]\n', {"volumes": ["/a", "/b"]}, []),
        ('FROM debian\nWORKDIR "/a b"\nWORKDIR ../c\n', {"working-directory": "/c"}, []),
        (
            "FROM debian\nUSER ann:staff\n",
            {"users": {"ann": {"system": True}}},
            [(None, ('user: the init starts services as others and must itself be root; say "user" in the services'))],
        ),
        ("FROM debian\nUSER root\n", {"user": "root"}, []),
        ("FROM debian\nSTOPSIGNAL 15\n", {"stop-signal": "SIGTERM"}, []),
        ("FROM debian\nSTOPSIGNAL QUIT\n", {"stop-signal": "SIGQUIT"}, []),
        ("FROM debian\nSTOPSIGNAL SIGUSR1\n", {"stop-signal": "SIGUSR1"}, []),
        (
            "FROM debian\nSTOPSIGNAL 99\n",
            {},
            [(None, 'stop-signal: must be a signal of Linux, such as "SIGTERM" or "SIGRTMIN+3"')],
        ),
        ("FROM debian\nHEALTHCHECK CMD true\n", {"health-check": {"command": ["true"]}}, []),
        (
            """\
FROM debian
HEALTHCHECK --interval=500ms --timeout=1m1.5s --start-period=1h --retries=x CMD ["a", "b"]
""",
            {"health-check": {"command": ["a", "b"], "interval": 0.5, "timeout": 61.5, "start-period": 3600}},
            [],
        ),
        ("FROM debian\nHEALTHCHECK none\n", {}, []),
        ('FROM debian\nCMD ["/x"]\n', {"command": ["/x"]}, [(2, "CMD: *")]),
        (
            'FROM debian\nENTRYPOINT ["/x", "-a"]\nCMD b\n',
            {"entry-point": ["/x", "-a"], "command": ["b"]},
            [(2, "ENTRYPOINT: *"), (3, "CMD: *")],
        ),
        (
            "FROM debian\nCMD b\nENTRYPOINT /x $Y\n",
            {"entry-point": ["/bin/sh", "-c", "/x $Y"]},
            [(2, "CMD: *"), (3, "ENTRYPOINT: *")],
        ),
        ("FROM debian\nCMD exec x\n", {"command": ["/bin/sh", "-c", "exec x"]}, [(2, "CMD: *")]),
        ('FROM debian\nCMD [1, "a"]\n', {"command": ["[1,", "a]"]}, [(2, "CMD: *")]),
        (
            'FROM debian\nSHELL ["/bin/bash", "-ec"]\nCMD a | b\n',
            {"command": ["/bin/bash", "-ec", "a | b"]},
            [(3, "CMD: *")],
        ),
        ("FROM debian\nSHELL nothing\nCMD a | b\n", {"command": ["/bin/sh", "-c", "a | b"]}, [(3, "CMD: *")]),
        (
            "FROM debian\nMAINTAINER ann\nONBUILD RUN x\n",
            {},
            [(2, "MAINTAINER ann: no counterpart"), (3, "ONBUILD RUN x: no counterpart")],
        ),
        (
            """\
FROM debian
RUN systemctl enable nginx
CMD ["/sbin/init", "x"]
ENTRYPOINT ["/x"]
""",
            {"entry-point": ["/x"]},
            [
                (3, "CMD: *"),
                (4, "ENTRYPOINT: *"),
                (None, "enabled units: nothing starts them where the image runs a program instead of an init"),
            ],
        ),
        (
            'FROM debian\nRUN systemctl enable nginx\nENTRYPOINT ["systemd"]\nCMD x\n',
            {"enable": ["nginx"]},
            [
                (3, "ENTRYPOINT: *"),
                (4, "CMD: *"),
                (
                    None,
                    ('systemd: not needed, the image has an init that starts services ("init": "systemd" says which)'),
                ),
            ],
        ),
        (
            'FROM debian\nRUN systemctl enable nginx\nCMD ["/usr/bin/x"]\n',
            {"command": ["/usr/bin/x"]},
            [
                (3, "CMD: *"),
                (None, "enabled units: nothing starts them where the image runs a program instead of an init"),
            ],
        ),
        ('FROM debian\nRUN ["apt-get", "install", "jq"]\n', {"packages": ["jq"]}, []),
        (
            """\
FROM debian
RUN --mount=type=cache,target=/x --network=none apt-get install jq
""",
            {"packages": ["jq"]},
            [],
        ),
        (
            """\
FROM debian
RUN <<EOF cat
apt-get install git
EOF
RUN apt-get install jq
""",
            {"packages": ["git", "jq"]},
            [],
        ),
        (
            """\
FROM debian
RUN apt-get install jq && cat <<EOF
apt-get install git
EOF
""",
            {"packages": ["jq"]},
            [(2, "RUN cat <<EOF: a build runs no command; declare what it makes")],
        ),
        (
            """\
FROM debian
RUN <<-'A' <<B
	apt-get install git
	A
apt-get install jq
B
""",
            {"packages": ["git", "jq"]},
            [],
        ),
        (
            (
                "FROM debian\n"
                "ENV X=a\n"
                "RUN mkdir /$X /${X}b && mkdir /$Y\n"
                "\n"
                "# comment\n"
                "RUN apt-get install \\\n"
                "  # comment\n"
                "\n"
                "  jq\n"
            ),
            {"packages": ["jq"], "directories": {"/a": {}, "/ab": {}}, "environment": {"X": "a"}},
            [(3, "RUN mkdir /$Y: a build runs no command; declare what it makes")],
        ),
        ("FROM debian\nCMD []\n", {}, [(2, "CMD: *")]),
        ("FROM debian\nCMD python x.py\n", {"command": ["python3", "x.py"]}, [(2, "CMD: *")]),
        ('FROM debian\nCMD "open\n', {"command": ['"open']}, [(2, "CMD: *")]),
        ('FROM debian\nENTRYPOINT ["python"]\n', {"entry-point": ["python3"]}, [(2, "ENTRYPOINT: *")]),
    ],
)
def test_an_instruction_becomes_keys_and_what_has_no_counterpart_notes(
    tmp_path: Path, text: str, spec: dict[str, Any], notes: Notes
) -> None:
    assert whole(tmp_path, text) == (spec, notes)
