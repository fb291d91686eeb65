"""Evaluations: held-out items under named conditions, and pure scores into declared outcomes."""
