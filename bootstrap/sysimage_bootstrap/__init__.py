"""Makes a store, and the system item in it, out of Debian packages."""
