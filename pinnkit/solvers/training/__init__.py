"""The training loop: objective, weights, adaptive points, checkpoints, monitors."""
