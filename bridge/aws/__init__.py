"""The ring of AWS: keys from SSM, the line a request leaves, and the streaming runtime."""
