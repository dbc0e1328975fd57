"""Trees of the user's own files: each becomes a store item, and appears at its path in the image."""
