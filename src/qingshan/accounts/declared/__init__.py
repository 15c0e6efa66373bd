"""What each stage of a raster account reads and gives, apart from its code: a declaration is checked without compiling anything.

One module per stage, named as its module, with the tables that `stages` describes.
"""
