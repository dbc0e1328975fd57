"""Python packages of a lock file: a wheel becomes a store item, and its files are where the image's Python looks."""
