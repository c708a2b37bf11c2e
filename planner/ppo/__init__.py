"""PPO in the turn environments and in whole conversations, and checkpoint selection."""
