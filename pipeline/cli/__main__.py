"""``python -m pipeline.cli``: the same as ``tapewatch``."""

from pipeline.cli import main

main()
