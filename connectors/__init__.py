"""One module for each kind of system that groundwire reads."""
