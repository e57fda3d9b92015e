"""What a test does with a cluster: set up, look, wait, keep away from real ones. Everything here becomes methods of FakeCluster."""
