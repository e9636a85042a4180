"""Reading of files that anyone may have written: one error, bounded sizes, no links to other files, nothing executed.

Readers of the package are built on these modules, which know the formats' containers and nothing of their meaning.
"""
