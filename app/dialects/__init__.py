"""Pure translators between the wire formats of clients and providers and the domain."""
