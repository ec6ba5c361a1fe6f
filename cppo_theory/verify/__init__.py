"""`verify`: every claim on suites of instances, counted and reported."""

from cppo_theory.verify.run import Result, verify

__all__ = ["Result", "verify"]
