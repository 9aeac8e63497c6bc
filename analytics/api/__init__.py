"""The API of the analytics app."""
