"""Where audio comes from: files, generators and the index that lists them."""
