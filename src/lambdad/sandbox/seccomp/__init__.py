"""The seccomp policy as commented data (`profile.toml`) and its compiler."""
