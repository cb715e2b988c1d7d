"""Table models over snapshots."""
