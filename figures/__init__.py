"""The figures: one module each in `figures.catalogue`; `python -m figures --list` names them."""
