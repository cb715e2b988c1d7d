"""The operating system, without Qt."""
