"""The REST API of the dids app."""
