"""Search for the settings of calibrators."""
