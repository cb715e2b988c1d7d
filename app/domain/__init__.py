"""The nouns of the program: frozen dataclasses and enums, without any input or output."""
