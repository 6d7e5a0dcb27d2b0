"""Pages of this floor: they read through selectors and change things through services only."""
