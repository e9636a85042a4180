"""Fourier methods with exponential Runge-Kutta steps for periodic evolution problems."""
