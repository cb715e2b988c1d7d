"""The only floor that touches the disk and the keyring."""
