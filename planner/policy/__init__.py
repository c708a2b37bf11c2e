"""The policy network: from predictions to reasoning and a distribution over plans."""
