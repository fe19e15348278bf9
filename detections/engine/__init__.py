"""Rules against events, in the order of event time: pure, with a state that can be saved."""
