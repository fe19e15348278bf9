"""The configuration file: its schema and its loading."""
