"""Composition of a SIP node: what the switch is given, and the processes around it."""
