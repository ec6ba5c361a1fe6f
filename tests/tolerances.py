"""The only float tolerances of the tests, each with its reason; the exact tier has none."""

ROUNDING = 1e-12
"""Absolute, in the unit of the number (xi for returns): one pass over at most 12 levels whose sums have at
most 10,000 terms rounds by less than 1e-13. The rest is room, far below the smallest planted error."""

RELATIVE = 1e-9
"""Relative: logarithms and ratios of numbers that are given to 1.1e-16 and lose at most six digits to
cancellation (rows of rationals whose total variation is at least 1e-3, hence their KL at least 2e-6)."""

DIFFERENCE = 1e-7
"""Absolute, for central differences of step h = 1e-4 of values in [0, 1]: h^2 / 6 times a third derivative of
at most 10 is 2e-8, rounding of 1e-15 / h adds 1e-11."""

KL_NEAR = 1e-6
"""Relative, for KL(p || q) with |q - p| / p = e >= 1e-8: e - log1p(e) ~ e^2 / 2 has a rounding error of
1.1e-16 e, relative 2.2e-16 / e <= 2.2e-8; the rounding of q - p itself is exact there (Sterbenz)."""

LONG = 1e-9
"""Relative, for passes of 16,384 levels against a longer precision: a value is a sum of terms of one sign,
or of exact differences, so a level adds a few 1.1e-16 (4e-12 in all). The rest is room for cancellation."""

TINY = 1e-300
"""Numbers below are nearly subnormal in float64 and have lost digits; no relative error is asked of them."""
