"""Organisms: phrases, training data and arms. An arm is made by a short function that returns an `Arm`, a list of phases."""
