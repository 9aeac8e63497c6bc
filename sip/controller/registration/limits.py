"""Every bound of the registrar, each with its reason. Units stand last in the names."""

from __future__ import annotations

from typing import Final

BINDING_SWEEP_S: Final = 1.0
"""How often bindings that are over are dropped from memory and told of (they are ignored from their last second on)."""

SWEEP_LINES_MAX: Final = 500
"""Lines looked at in one turn: about 2 ms. Ten thousand phones that vanish in one second must not stop the calls."""
