"""Write the digits that the package ships, from scikit-learn's copy of them.

Needed only to make the two files anew: ``pip install scikit-learn``, then run this from the
root of the repository with the package installed.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from tinygrad_edu.datasets import write_idx

FOLDER = Path(__file__).parents[1] / "tinygrad_edu" / "datasets" / "data"


def main() -> None:
    """Write the images, uint8 (1797, 8, 8) from 0 to 16, and the labels, uint8 (1797,)."""
    digits = load_digits()
    write_idx(FOLDER / "digits-images.idx3.gz", digits.images.astype(np.uint8))
    write_idx(FOLDER / "digits-labels.idx1.gz", digits.target.astype(np.uint8))


if __name__ == "__main__":
    main()
