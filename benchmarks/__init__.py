"""Speed and memory, as ratios to other libraries measured in one run: ``python -m benchmarks``."""
