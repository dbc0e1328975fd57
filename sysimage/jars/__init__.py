"""Jars of an application: each becomes a store item, and its file is in the application's directory."""
