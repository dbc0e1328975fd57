"""npm packages of a lock file: each becomes a store item, and its files stand in the application's node_modules."""
