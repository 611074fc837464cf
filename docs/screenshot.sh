#!/bin/sh
# A page as a real browser shows it, Debian's chromium: docs/screenshot.sh http://127.0.0.1:4200/runs page.png [WIDTH,HEIGHT]
set -eu
profile=$(mktemp -d)
trap 'rm -r "$profile"' EXIT
# The UI fills its pages bit by bit: they are given ten seconds, which Chromium's clock runs through at once.
chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --user-data-dir="$profile" --hide-scrollbars \
    --window-size="${3:-1400,1000}" --virtual-time-budget=10000 --screenshot="$2" "$1"
