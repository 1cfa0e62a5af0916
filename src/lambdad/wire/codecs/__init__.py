"""Values to bytes and back, shape by shape: JSON, CBOR, XML, forms, event streams."""
