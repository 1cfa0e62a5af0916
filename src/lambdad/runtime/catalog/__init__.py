"""Runtime packs, one family per module: what serves a runtime identifier on this machine."""
