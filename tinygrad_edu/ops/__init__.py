"""The ops, family by family: what each computes, its derivatives, and the cases it is tested on.

They know arrays and nothing of Tensors or graphs. ``tinygrad_edu`` names the public ones.
"""
