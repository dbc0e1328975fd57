"""Debian's package files: unpacked, and an inventory of what they hold."""
