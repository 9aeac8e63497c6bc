"""`make run` and everything below it: set-up, embedded servers, supervision. Nothing here knows calls or money.

``bootstrap``, ``deathwatch`` and ``doctor`` run before anything is installed: standard library only.
"""
