"""How dates and numbers are shown, by language."""
