"""Functions that satisfy a linear elliptic equation in the plane: regular ones, multipoles and poles, with jets."""
