"""How the rooms report their progress; only the command line decides how it is shown."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with the name of a stage ("fetch packages"), how much is done, and the total where it is known.

    The unit is bytes for stages that move bytes and items for the others; ``unit`` says which. ``at`` is the current
    item of work, such as a package; empty if it is not known. A stage is called with 0 before it begins. May be called
    from several threads.
    """

    def __call__(self, stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None: ...


def silent(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
    """A progress without a listener."""
