"""Linear least squares for read-outs: dense solves, feature and polynomial search, row scaling."""
