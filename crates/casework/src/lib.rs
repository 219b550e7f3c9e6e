//! People, identity, facts kept, the case path, outbox, inbox.
