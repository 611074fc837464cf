"""The page of a sweep: one file for a browser."""

PAGE = "report.html"
