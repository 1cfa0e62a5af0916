"""The HTTP front: one port for every AWS API and every data plane."""
