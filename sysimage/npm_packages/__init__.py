"""npm packages of a lock file: each becomes a store item, and its files are in the application's node_modules."""
