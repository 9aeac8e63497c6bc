"""The network's REST API."""
