"""What steps hand to each other, one contract a module, so that the key of a step has no more than its own.

Small, immutable, JSON. Arrays and files are referred to, not carried.
"""
