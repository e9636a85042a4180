"""Partitions of domains into pieces, with the boundaries that two pieces share."""
