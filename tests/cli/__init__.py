"""The command `tapewatch`, run as its users run it."""
