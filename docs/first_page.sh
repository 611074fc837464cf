#!/bin/sh
# The first page of a PDF as a picture, by poppler-utils: docs/first_page.sh submission.pdf docs/submission.png
set -eu
pdftoppm -f 1 -singlefile -scale-to-x 700 -scale-to-y -1 -png "$1" "${2%.png}"
