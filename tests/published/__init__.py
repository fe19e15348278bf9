"""Data in the forms in which others publish and label it, made by us."""
