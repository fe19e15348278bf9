"""Every sink under injected failures, with documents by the million: none lost, none twice."""
