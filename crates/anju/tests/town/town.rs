//! The town: database, server and outside world of one test.
