"""Figures of recorded programs."""
