"""All that knows destinations, and knows nothing of Drift."""
