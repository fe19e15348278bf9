"""An investigation's timeline: all that is known around an alert, in the order of its time, so that
who gets it can check that it is whole and unchanged."""
