"""Maintainer scripts of packages, read and not run: what a first installation would make of the root file system."""
