"""The networks. Each takes (x, log_snr (B,), condition) and answers with a tensor of the shape of x.

unet, mlp, classifier           of pictures, of points, and what classifies both
blocks, embeddings, text_encoder    what they are made of

This room knows tensors only: no process, no noise, no loss.
"""

from pedesis.nn.classifier import ConvClassifier
from pedesis.nn.mlp import MLP
from pedesis.nn.networks import NETWORKS
from pedesis.nn.unet import UNet

__all__ = ["MLP", "NETWORKS", "ConvClassifier", "UNet"]
