"""Least squares on cubic features in coordinates that do not depend on units."""
