"""Boots images in Docker inside a virtual machine and questions them."""
