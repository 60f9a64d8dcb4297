#!/usr/bin/env bash
# See layering.py.
exec python3 "$(dirname "$0")/layering.py"
