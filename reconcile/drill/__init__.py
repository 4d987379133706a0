"""Replays the incident: real runs against the simulator, minute by minute in simulated time."""
