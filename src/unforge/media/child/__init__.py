"""What runs inside the decoding child and nowhere else: it reads descriptor 0, and writes messages to 1."""
