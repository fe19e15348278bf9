"""ECS events to alerts: compiled Sigma rules and stateful correlators."""
