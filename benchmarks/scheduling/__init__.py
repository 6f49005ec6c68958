"""How good and how fast plans are, against an exact solver, a bound and the present scheduler."""
