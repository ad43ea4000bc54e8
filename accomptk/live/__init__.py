"""Playing along live: the wire, the clock, and the programs at its other end."""
