"""Past sessions: who hosted when, what was read, and the streams about each session."""
