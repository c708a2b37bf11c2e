"""History to plan: baselines, behaviour cloning, PPO, loading and saving."""
