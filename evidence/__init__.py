"""What an alert rests on: its timeline, from alert to events to raw frames."""
