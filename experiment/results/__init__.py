"""The results of the steps: small, immutable, JSON. They refer to arrays and files by digest."""
