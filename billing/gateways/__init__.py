"""Payment providers: one folder each behind one interface (``base``); ``registry`` knows their names."""
