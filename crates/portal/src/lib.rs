//! What people see: pages and APIs, one folder per kind of user.
