"""r1kit: the system of the DeepSeek-R1 paper (arXiv:2501.12948) in Python.

Importing the package loads nothing heavy: torch and transformers come with the modules that use them.
"""

__version__ = "0.1.0"
