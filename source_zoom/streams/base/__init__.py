"""What every stream is made of; it names no product of Zoom's."""
