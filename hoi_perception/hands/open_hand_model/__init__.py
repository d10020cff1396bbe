"""How the open hand is made: proportions, flesh, mesh, skinning, shapes, correctives and poses."""
