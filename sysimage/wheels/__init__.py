"""Python packages of a lock file: a wheel becomes a store item, and its files stand where the image's Python looks."""
