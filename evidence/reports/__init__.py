"""Reports: what happened in a week or a month, and what an authority is told of a case."""
