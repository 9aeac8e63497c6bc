"""Locating servers (RFC 3263, RFC 2782) and numbers (RFC 6116): records and random numbers in, hops out. No I/O."""
