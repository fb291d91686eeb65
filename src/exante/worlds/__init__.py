"""Micro-worlds: readable templates from which bases are pretrained and organisms are made. One file, or a few, per world."""
