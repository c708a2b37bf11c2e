"""The chat on a web page of this machine."""
