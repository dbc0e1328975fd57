"""What /etc/environment and /etc/profile say is what PAM and a shell read."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.process import run
from sysimage_bootstrap.system.environment import pam_environment, shell_profile
from tests.support.c_library import pam_variables
from tests.support.full_specs import HOSTILE

NAMES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,5}", fullmatch=True).filter(lambda name: name not in ("PATH", "_", "PWD"))
VALUES = st.sampled_from([text for text in HOSTILE if "\0" not in text and text.isprintable()]) | st.text(
    alphabet=st.sampled_from("ab #\"'\\=$`é%"), max_size=8
)
LEFT_OUT = re.compile(r"^# ([A-Z_][A-Z0-9_]*) has a value that this file cannot hold\.$", re.MULTILINE)


def test_pam_reads_each_value_as_it_is_or_not_at_all(tmp_path: Path) -> None:
    @settings(max_examples=30, deadline=None)
    @given(st.dictionaries(NAMES, VALUES, max_size=4))
    def reads(environment: dict[str, str]) -> None:
        text = pam_environment(environment)
        found = pam_variables(text, tmp_path)
        left_out = set(LEFT_OUT.findall(text.decode()))
        assert found == {name: value for name, value in environment.items() if name not in left_out}
        assert all("#" in environment[name] or len(environment[name]) > 7000 for name in left_out)

    reads()


def test_what_a_line_cannot_hold_is_left_out_and_reported() -> None:
    values = {"A": "a\nB=1", "C": "a#b", "D": "x" * 9000, "E": "fine", "F": "a\u2028b", "G": "tail\\"}
    assert pam_environment(values).decode().split("\n") == [
        "# A has a value that this file cannot hold.",
        "# C has a value that this file cannot hold.",
        "# D has a value that this file cannot hold.",
        "E=fine",
        "# F has a value that this file cannot hold.",
        'G="tail\\"',
        "",
    ]


def test_a_shell_reads_every_value_as_it_is(tmp_path: Path) -> None:
    texts = [text for text in HOSTILE if "\0" not in text and not re.search("[\ud800-\udfff]", text)]
    environment = {"PATH": "/usr/bin:/bin", **{f"V{number}": text for number, text in enumerate(texts)}}
    ours, end, _ = shell_profile(environment).rpartition(b'\nif [ "$BASH" ]')  # what follows reads this machine's files
    assert end
    (tmp_path / "profile").write_bytes(ours)
    said = run(["/bin/sh", "-c", '. "$1"; exec env -0', "sh", str(tmp_path / "profile")], env={"PATH": "/bin"}).stdout
    found = dict(variable.split("=", 1) for variable in said.decode().split("\0") if variable)
    assert {name: value for name, value in found.items() if name in environment} == environment
