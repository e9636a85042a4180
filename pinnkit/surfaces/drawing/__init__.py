"""Pictures of surfaces without a display."""
