"""The language model, its tools, and the ways in which people reach them."""
