"""Days, and the windows they are read in."""
