"""What BuildKit writes: an index in an index, of two platforms, each with a record of how it was made beside it.

``buildkit/image.tar.gz`` is by buildx 0.29.1 and Docker 28.5.2 with containerd's image store, of a directory with
``bin/sh`` (`static_elf` of `tests.support.store_builder`) and the Dockerfile beside it, and then compressed:

    docker buildx build -t base:1 -o type=oci,dest=image.tar --provenance=mode=max --platform linux/amd64,linux/arm64 .
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.cli.main import main
from sysimage.closure import Closure
from sysimage.errors import IntegrityError
from sysimage.verify import inspect_image, verify_image
from tests.support.builds import build_from_store, config_of, on

IMAGE = Path(__file__).parent / "buildkit" / "image.tar.gz"
CHOICE = "does not hold one image, but: linux/amd64, linux/arm64; say which, with --platform"
READING = (["verify"], ["inspect"], ["diff", str(IMAGE)], ["size"], ["tree"], ["report"])


@pytest.mark.parametrize("words", READING, ids=lambda words: words[0])
def test_of_several_platforms_one_has_to_be_chosen_and_the_message_says_how(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, str(IMAGE)]) == 4
    assert CHOICE in capsys.readouterr().err


def test_each_platform_is_verified_and_described() -> None:
    """The Dockerfile copies the same program for both, which is a fault of one of them."""
    verify_image(IMAGE, platform="linux/amd64")
    with pytest.raises(IntegrityError, match="which is for amd64, and the image for arm64"):
        verify_image(IMAGE, platform="linux/arm64")
    for platform in ("linux/amd64", "linux/arm64"):
        assert inspect_image(IMAGE, platform=platform).config.platform == platform


def test_it_is_a_base_for_the_images_platform(tmp_path: Path, closure: Closure) -> None:
    (tmp_path / "base").write_bytes(IMAGE.read_bytes())
    result = build_from_store(tmp_path, on("base", closure))
    verify_image(tmp_path / "top.tar")
    below = inspect_image(IMAGE, platform="linux/amd64")
    assert config_of(result)["rootfs"]["diff_ids"][:1] == [str(below.layers[0].diff_id)]
    assert config_of(result)["config"]["User"] == "1000"


def test_a_platform_that_is_missing_is_named_with_those_that_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--platform", "linux/s390x", str(IMAGE)]) == 4
    shown = capsys.readouterr().err
    assert "does not hold an image for linux/s390x, but: linux/amd64, linux/arm64" in shown
    assert "--platform" not in shown.partition("but:")[2]
