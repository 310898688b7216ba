"""The one version that every model has in the Open Inference Protocol."""

VERSION = "1"
