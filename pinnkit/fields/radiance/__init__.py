"""Fields of a position and a view direction: density and colour."""
