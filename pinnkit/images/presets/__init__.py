"""Field and solver settings for image tasks, as static rules of the number of pixels."""
