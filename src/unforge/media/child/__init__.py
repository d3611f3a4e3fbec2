"""What runs inside the decoding child, and nowhere else. It reads file descriptor 0 and writes messages to 1."""
