"""Residuals at collocation points: loss, parameter Jacobian, Gram matrix and tangent kernel."""
