"""Facts about Debian that no package states in a form that can be read: data, by suite and architecture."""
