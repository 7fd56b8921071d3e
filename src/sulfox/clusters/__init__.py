"""Where it runs: clusters as data, and the files and sizes made from them."""
