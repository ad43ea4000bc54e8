"""Shipped weights and the registry of third-party ones."""
