"""3D formats: one file per format."""
