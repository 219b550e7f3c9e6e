//! A simulated outside world, its own process, never linked into the product.
