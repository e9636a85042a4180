"""Multilayer perceptrons: activations, Fourier features, sinusoidal, Gaussian and wavelet networks."""
