"""What every figure is made with: palette, type, DOT, the engine that renders it, and the finished file."""
