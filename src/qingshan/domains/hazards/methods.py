"""Methods of the hazards domain: none yet. The rainfall curves that were read are not Guizhou's (`standards/`)."""
