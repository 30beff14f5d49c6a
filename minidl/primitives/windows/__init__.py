"""What looks at an image through windows: convolution, pooling, resampling."""
