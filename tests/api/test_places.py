"""Where an image goes."""

from __future__ import annotations

from pathlib import Path

from sysimage.api.delivery import chosen_output


def test_output_and_format_follow_from_each_other(tmp_path: Path) -> None:
    there = str(tmp_path)
    assert chosen_output(1, None, "web:1", "amd64") == ("archive", 1)
    assert chosen_output("a.tar", None, "web:1", "amd64") == ("archive", Path("a.tar"))
    assert chosen_output("new/", None, "web:1", "amd64") == ("oci-dir", Path("new"))
    assert chosen_output(there, None, "web:1", "amd64") == ("oci-dir", tmp_path)
    assert chosen_output("new", "oci-dir", "web:1", "amd64") == ("oci-dir", Path("new"))
    assert chosen_output(None, None, "team/web:1", "amd64") == ("archive", Path("team-web-1-amd64.oci.tar"))
    assert chosen_output(None, "docker-archive", "web:1", "arm64")[1] == Path("web-1-arm64.docker.tar")
    assert chosen_output(None, "oci-dir", "web:1", "arm64")[1] == Path("web-1-arm64")
