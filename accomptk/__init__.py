"""accomptk turns stems into an accompanist that plays along live, and measures how good it is."""

__version__ = "0.1.0"
