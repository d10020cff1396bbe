"""Hand and instrument from one image by masks alone, in the stages of EasyHOI (Liu et al. 2024): camera setup, contact
alignment, refinement."""
