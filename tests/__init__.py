"""The tests of Tapewatch. `servers` holds the real servers, `fixtures` their fixtures."""
