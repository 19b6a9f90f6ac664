"""What a change will cost, break and risk: pure functions over Graph and State."""
