"""The REST API of the fraud app."""
