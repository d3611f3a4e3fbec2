"""Networks in plain torch, for training only; the installed product runs their ONNX files."""
