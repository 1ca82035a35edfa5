"""Results from and to the files and objects of other tools."""
