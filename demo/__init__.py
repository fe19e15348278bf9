"""A market to watch: a real chain and a venue of its own, with honest and abusive participants."""
