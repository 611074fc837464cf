"""The page of a sweep: one file to open in a browser."""

PAGE = "report.html"
