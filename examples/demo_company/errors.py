"""What goes wrong with the demo company itself."""

from __future__ import annotations

from groundwire.core.errors import GroundwireError


class DemoError(GroundwireError):
    """A system of the demo company can't be set up or started; the message says why and what to do."""
