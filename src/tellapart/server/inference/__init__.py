"""The Open Inference Protocol: a second face of the same models, behind the same queue."""
