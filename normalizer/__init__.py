"""Raw frames to typed ECS events: decoders, records, enrichment."""
