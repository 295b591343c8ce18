"""The control plane under `/_mock/`: who may call it, what it reads, what it does."""
