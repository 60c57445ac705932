"""What the tests of pgstream and of its users stand on: models, simulated worlds, test runners."""
