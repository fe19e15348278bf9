"""From what was found to an alert: what it says, of whom, what it rests on, whether it stands."""
