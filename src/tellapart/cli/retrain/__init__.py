"""The command line of TensorFlow's retrain.py of 2016, and what it wrote."""
