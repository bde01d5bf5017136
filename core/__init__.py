"""Ask, plan, read and join: everything between a question and the systems that hold the data."""
