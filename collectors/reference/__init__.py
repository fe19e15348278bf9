"""Sources of reference data: files, databases, HTTP interfaces and published lists."""
