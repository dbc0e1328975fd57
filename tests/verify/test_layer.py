"""Which layers of an image are one build's own."""

from sysimage.verify.layer import is_ours, newest_build
from sysimage.verify.manifest import LayerDocument


def layer(number: int, created: str, created_by: str = "sysimage") -> LayerDocument:
    return LayerDocument(number, f"{number}.tar", None, 0, created=created, created_by=created_by)


def test_the_layers_of_a_base_image_are_not_the_builds_own() -> None:
    foreign = [layer(1, "then", "a shell command"), layer(2, "now", "another")]
    older = [layer(3, "then"), layer(4, "then")]
    newest = [layer(5, "now"), layer(6, "now")]
    assert newest_build([*foreign, *older, *newest]) == {5, 6}
    assert newest_build([*foreign, *newest]) == {5, 6}
    assert newest_build(foreign) == newest_build([]) == set()
    above = [layer(number, "then", "sysimage, on 4 layers") for number in (5, 6)]
    assert newest_build([*foreign, *older, *above]) == {5, 6}
    assert [is_ours(one) for one in (*foreign, *older)] == [False, False, True, True]
