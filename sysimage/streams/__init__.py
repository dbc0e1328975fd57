"""Bytes on their way: collected in pieces, hashed, written in the background, past the page cache, or copied.

Nothing is imported here: whoever reads an item needs `pieces`, not threads and processes.
"""
