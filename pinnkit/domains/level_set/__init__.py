"""Level-set domains: regions where a function is negative, their zero sets and boundaries."""
