//! Conversations with the outside: gateway, banks, messages, face.
