//! Codecs of every protocol spoken with the outside: pure.
