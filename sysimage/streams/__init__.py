"""Streams of bytes: collected in pieces, hashed, written in the background, past the page cache, or copied.

This module imports nothing: a reader of items needs `pieces`, but no threads or processes.
"""
