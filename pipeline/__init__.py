"""What runs Tapewatch: configuration, bus, supervision, metrics, secrets, command line."""
