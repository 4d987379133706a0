"""The channels over which operators are told: each implements ``AlertChannel``, and is loaded when it has to speak."""
