"""Rules on trial: what their alerts tell, and how one goes live."""
