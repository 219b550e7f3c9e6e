//! Keys, encryption at rest, blind indexes, signatures: the one crypto module.
