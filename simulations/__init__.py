"""Training of small policies under trust-region rules: the algorithms, run before anyone pays for GPUs."""
