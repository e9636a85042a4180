"""Taylor mode: one forward pass that carries all requested derivatives of a network."""
