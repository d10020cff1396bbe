"""What is shipped runs, and says without torch what it says with it."""

from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.networks.litert_network import LitertNetwork
from hoi_perception.networks.weights import read_weights, shipped_weights

torch = pytest.importorskip("torch")


def test_the_head_says_the_same_in_torch() -> None:
    from hoi_perception.networks.proposal_head import NAME, VERSION, ProposalHead

    weights = read_weights(shipped_weights(NAME), NAME, VERSION)
    head = ProposalHead().eval()
    state = {name[6:]: torch.tensor(value) for name, value in weights.tensors.items() if name.startswith("torch.")}
    head.load_state_dict(state)
    rng = np.random.default_rng(4)
    fine, wide = (rng.normal(0.0, 1.0, (1, n, n, 256)).astype(np.float32) for n in (24, 12))
    with torch.no_grad():
        expected = head(*(torch.tensor(a).permute(0, 3, 1, 2) for a in (fine, wide)))[0].permute(1, 2, 0).numpy()
    assert expected.std() > 0.1
    np.testing.assert_allclose(LitertNetwork(NAME).run(fine, wide), expected, atol=1e-3)
