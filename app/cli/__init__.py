"""The headless face: the commands of the terminal."""
