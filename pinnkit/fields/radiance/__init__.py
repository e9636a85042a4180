"""Fields of position and view direction: density and colour."""
