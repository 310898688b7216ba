"""Training with TensorFlow (`tellapart[tensorflow]`); imported only where it is asked for.

runtime         TensorFlow and Keras, imported late and quietly
networks        backbones as Keras models; views and distortions as TensorFlow sees them
lite_network    the EfficientNet-Lite family in Keras, and its weights back again
keras_backbone  an application or a .keras file as a backbone
onnx_layers     Keras layers as ONNX nodes
softmax_layer   the head by gradient descent, as retrain.py did it
fine_tuning     the backbone too
checkpoints     what a stopped training goes on from
summaries       what TensorBoard shows
"""
