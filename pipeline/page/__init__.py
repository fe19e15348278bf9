"""Pages for people: one HTML file each, of one look, without scripts, which loads nothing."""
