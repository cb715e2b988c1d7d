"""The routing core."""
