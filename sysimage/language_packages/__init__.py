"""What packages of all languages have in common: their files are kept by hash, and their items are in a system."""
