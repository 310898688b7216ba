"""Networks that turn pictures into embeddings. Touches ONNX, the weights and the cache."""
