"""Store items made as planned: unpacked, relinked, compiled, checked."""
