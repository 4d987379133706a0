"""What a person reads on a terminal; loaded only when there is one, because rich is slow to load."""
