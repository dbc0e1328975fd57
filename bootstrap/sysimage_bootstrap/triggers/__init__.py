"""What Debian's triggers make of all packages together, as functions over the merged tree: caches, indexes, bundles."""
