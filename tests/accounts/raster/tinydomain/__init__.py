"""An invented subject: a raster account and a profile for the tests of raster accounts."""
