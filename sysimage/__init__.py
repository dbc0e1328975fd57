"""sysimage builds complete operating-system container images from a functional package store."""

__version__ = "0.1.0"
