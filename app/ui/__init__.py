"""The Qt face: tray and windows."""
