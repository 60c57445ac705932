"""The dataflow: nodes of delta operators, stepped once per tick in topological order."""
