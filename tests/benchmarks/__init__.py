"""Speed, as ratios against peers measured in the same run: `python -m tests.benchmarks [NAME…]`. Never part of the tests."""
