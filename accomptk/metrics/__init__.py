"""Metrics, one a module, and the table that gathers them."""
