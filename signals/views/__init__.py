"""Pages about runs and thresholds."""
