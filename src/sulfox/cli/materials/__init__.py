"""Commands for materials and their interfaces."""
