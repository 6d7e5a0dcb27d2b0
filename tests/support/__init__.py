"""What the tests share: databases, people, a `flush` that append-only tables allow."""
