"""Specs from what other tools read: a Dockerfile, an apko.yaml, a mkosi.conf, a recipe of debos.

What has a counterpart is translated; everything else becomes a note. The result has no fault that a spec's own checks
find.
"""
