"""The demo of a first run: made-up parties over real numbering plans, and one real call."""
