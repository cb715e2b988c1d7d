"""A faulty upstream: a real HTTP server on loopback that breaks in every way a provider can break."""
