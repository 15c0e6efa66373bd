#!/bin/sh
# Makes .venv beside this file from requirements.txt. The benchmark does the same by itself.
set -eu
cd "$(dirname "$0")"
if [ -f .venv/installed.txt ] && cmp -s requirements.txt .venv/installed.txt; then exit 0; fi
python3 -m venv --clear .venv
.venv/bin/python -m pip install --quiet -r requirements.txt
cp requirements.txt .venv/installed.txt
