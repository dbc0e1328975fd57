"""The command line: the only room that prints, exits, and reads the environment or the clock."""

from sysimage.cli.main import main

__all__ = ["main"]
