"""Decks: one figure a step, in which nothing moves, saved as PDF, as a player, as an animation or as a folder."""
