//! Everything that runs by itself: gather and advance, outbox, day end.
