"""One solve for hands, instruments and contacts."""
