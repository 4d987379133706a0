"""The incident, replayed: the real runner against the simulator, tick by tick on a clock that jumps."""
