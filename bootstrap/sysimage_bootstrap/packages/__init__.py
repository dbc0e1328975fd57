"""Which packages a system is made of: requested, resolved against the archive, locked."""
