"""Trefftz method in the plane: exact solutions of an elliptic equation, fitted to the conditions on the boundary."""
