"""Inward HTTP: the gate, the routes and the listener."""
