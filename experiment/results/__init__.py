"""The results of the steps, one contract per module: the cache key of a step contains only the contracts it uses.

Results are small, immutable and JSON. They refer to arrays and files by digest.
"""
