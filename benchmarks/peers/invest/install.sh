#!/bin/sh
# Makes .venv with InVEST beside this file. InVEST, pygeoprocessing and GDAL have no Linux wheels: they are compiled here, in this
# order, against the system's libgdal. Needs a C++ compiler, Python's headers and libgdal-dev; installs the last where apt-get and root allow.
# Writes .venv/installed.txt when InVEST can be imported; on any failure it says what failed and ends with 1.
set -eu
cd "$(dirname "$0")"

fail() { echo "InVEST is not installed: $1" >&2; exit 1; }

if [ -f .venv/installed.txt ] && cmp -s requirements.txt .venv/installed.txt; then exit 0; fi
command -v c++ >/dev/null 2>&1 || fail "no C++ compiler"
if ! command -v gdal-config >/dev/null 2>&1; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || fail "no gdal-config; install libgdal-dev"
  echo "InVEST: apt-get install libgdal-dev"
  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends libgdal-dev; } >/dev/null 2>&1 \
    || fail "apt-get could not install libgdal-dev"
fi
gdal=$(gdal-config --version)

python3 -m venv --clear .venv || fail "python3 -m venv does not work"
PATH="$PWD/.venv/bin:$PATH"; export PATH
step() { echo "InVEST: $1"; shift; python -m pip install --quiet "$@" >.venv/pip.txt 2>&1 || { tail -20 .venv/pip.txt >&2; fail "pip install $*"; }; }
step "build tools" -r build-requirements.txt
step "GDAL $gdal (compiles)" --no-build-isolation --no-binary GDAL "GDAL==$gdal"
step "pygeoprocessing (compiles)" --no-build-isolation -c requirements.txt pygeoprocessing
step "natcap.invest (compiles)" --no-build-isolation -r requirements.txt
python -c 'from osgeo import gdal_array; import natcap.invest.sdr.sdr_core' 2>/dev/null || python -c 'from osgeo import gdal_array; import natcap.invest' || fail "it cannot be imported"
cp requirements.txt .venv/installed.txt
