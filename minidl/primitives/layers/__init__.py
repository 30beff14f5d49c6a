"""What layers and losses are made of where a rule of their own is faster or stabler."""
