"""Jars of an application: each becomes a store item, and its file stands in the application's directory."""
