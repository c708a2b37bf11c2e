"""From history and plan to text: inputs, training, run folders, and the realizer that writes."""
