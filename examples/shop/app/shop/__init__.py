"""A shop, small enough to read: articles in PostgreSQL, and what they cost."""
