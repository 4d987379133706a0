"""Circuit breakers: the state machine, the rules that trip it, and the attribution of failures."""
