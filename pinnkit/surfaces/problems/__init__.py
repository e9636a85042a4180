"""Surface fitting as problems: losses, supervision points, mesh targets."""
