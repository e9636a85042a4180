"""Encodings of coordinates: lattices, planes, interpolation and embedding look-up."""
