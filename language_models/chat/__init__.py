"""Chat models: a language model that answers messages, behind an endpoint or on this machine."""
