"""The command line, which wires all the packages together."""
