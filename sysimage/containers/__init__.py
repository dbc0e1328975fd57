"""Containers of an image on this machine: in Linux namespaces without any engine, or in an engine that is here."""
