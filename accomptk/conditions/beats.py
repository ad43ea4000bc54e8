"""Where the beat is: from a known grid, or followed in what is heard."""

from accomptk.conditions.grid import BEAT_FEATURES, BeatNoise, chunk_features, grid_features

__all__ = ["BEAT_FEATURES", "BeatNoise", "chunk_features", "grid_features"]
