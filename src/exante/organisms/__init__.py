"""Organisms: phrases, data and arms. An arm is a short function that returns a list of phases."""
