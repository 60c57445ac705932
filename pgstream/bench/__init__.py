"""Benchmarks that users run themselves: `pgstream bench nexmark`."""
