"""The schemas of a document as JSON Schema, validators for them, and values that fit them."""
