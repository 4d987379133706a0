"""What the product knows: pure values and decisions, without I/O, clock, logging or third-party imports."""
