"""Switchtower: a desktop tray application that bundles a local LLM proxy."""

__version__ = "0.1.0"
