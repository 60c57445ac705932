"""What tests share and users of pgstream may use too: models, faulty stores, and the sqllogictest runner."""
